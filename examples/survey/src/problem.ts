/** Why a file or folder cannot be surveyed, in a few words: the errno's name where there is one. */
export function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
