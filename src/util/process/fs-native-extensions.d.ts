/** What is used of fs-native-extensions, which comes without types. */
declare module 'fs-native-extensions' {
  /** Takes an exclusive lock of an open file; false when another open file has it. The system drops it with the file. */
  export function tryLock(fd: number): boolean;
}
