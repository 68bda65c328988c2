/** A software Vulkan driver, SwiftShader, which Debian's `chromium` package brings: WebGPU without a GPU. */
import { existsSync } from 'node:fs';

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loader = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].map(
  (folder) => `${folder}/libvulkan.so.1`,
);

/** Why the tests on WebGPU are skipped, or undefined where they can run. */
export const withoutDriver =
  existsSync(driver) && loader.some(existsSync)
    ? undefined
    : 'no software Vulkan driver: install chromium and libvulkan1';

/** What a process needs in its environment to find the driver. */
export const driverEnvironment = { VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: '/tmp' };
