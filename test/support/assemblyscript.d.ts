// The number types of AssemblyScript, so that tests can import filter/core/limits.ts as TypeScript.

type i32 = number;
type u32 = number;
type i64 = number;
