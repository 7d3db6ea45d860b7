/** What a failed operation on a file means, for people. */

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EEXIST: 'a file of that name is there',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of the path is not a directory',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for the file system or for a limit of this process',
  EBUSY: 'it is in use, or a mount point of its own',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
  EIO: 'the device failed to read or write',
  EPIPE: 'its reader is gone',
  ECONNRESET: 'its reader is gone',
}

export function reason(error: unknown): string {
  return REASONS[errorCode(error)] ?? (error instanceof Error ? error.message : String(error))
}
