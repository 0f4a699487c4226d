/** Does nothing, but where a test asks that the process dies here. */
export function failPoint(_name: string): void {}
