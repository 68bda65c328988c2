/** The names of the GPUs, from tools that drivers bring: ONNX Runtime's binding for Node does not tell its adapter. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

interface Tool {
  command: string;
  argv: string[];
  /** Finds a device's name in a line. */
  line: RegExp;
}

const nvidia: Tool = {
  command: 'nvidia-smi',
  argv: ['--query-gpu=name', '--format=csv,noheader'],
  line: /^(.+)$/,
};
const vulkan: Tool = { command: 'vulkaninfo', argv: ['--summary'], line: /^\s*deviceName\s*=\s*(.+)$/ };
const tools = { cuda: [nvidia], webgpu: [vulkan, nvidia] };
const PROBE_TIMEOUT_MS = 5000;

/** The GPU that a provider uses, as a person knows it: "NVIDIA H100", "one of A, B", or why there is no name. */
export async function gpuName(provider: keyof typeof tools): Promise<string> {
  for (const tool of tools[provider]) {
    const names = await queryTool(tool);
    if (names.length > 0) return names.length === 1 ? names[0]! : `one of ${names.join(', ')}`;
  }
  const commands = tools[provider].map(({ command }) => command);
  return `adapter unknown without ${commands.join(' or ')}`;
}

async function queryTool({ command, argv, line }: Tool): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)(command, argv, { timeout: PROBE_TIMEOUT_MS });
    return stdout.split('\n').flatMap((text) => line.exec(text)?.[1]?.trim() ?? []);
  } catch {
    return []; // not installed, or no driver
  }
}
