/** A software Vulkan driver, SwiftShader, which Debian's `chromium` package brings: WebGPU without a GPU. */
import { existsSync } from 'node:fs';
import { skippedUnless } from './skipped.ts';

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loader = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].map(
  (folder) => `${folder}/libvulkan.so.1`,
);

export const hasDriver = existsSync(driver) && loader.some(existsSync);
/** The end of the title of a test on WebGPU. */
export const skippedWithoutDriver = skippedUnless(hasDriver, "Debian's chromium and libvulkan1");

/** What a process needs in its environment to find the driver. */
export const driverEnvironment = { VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: '/tmp' };
