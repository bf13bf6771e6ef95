// Who may import whom. A file belongs to the first room whose path begins its own; it may import from its own room
// and from those listed, and of packages and Node modules only those named. The control plane's rooms follow the
// data, one way round.

export interface Room {
  path: string;
  /** Beginnings of paths. */
  files: string[];
  /** Names of packages, `node:` modules, or `*` for any. */
  packages: string[];
}

/** Nouns and ports: free of protobuf, known by every room of the control plane. */
const COMMON = ["domain", "errors", "seams", "config", "log", "metrics", "ports/", "core"].map(
  (name) => `control-plane/${name}`,
);

export const rooms: Room[] = [
  { path: "filter/core/", files: ["filter/core/"], packages: [] },
  { path: "filter/host/", files: ["filter/host/", "filter/core/"], packages: [] },
  { path: "filter/build.mjs", files: [], packages: ["*"] },
  // The counter of allocations that build.mjs plants into the test build's runtime.
  { path: "filter/test-hooks.ts", files: ["filter/"], packages: ["rt/stub"] },
  { path: "filter/", files: ["filter/"], packages: [] },
  {
    path: "control-plane/domain.ts",
    files: ["filter/core/limits.ts"],
    packages: [],
  },
  { path: "control-plane/seams.ts", files: ["control-plane/domain.ts"], packages: [] },
  { path: "control-plane/ports/", files: COMMON, packages: ["*"] },
  {
    // What merges is in one place; SHA-256 names the attack table.
    path: "control-plane/train/",
    files: [...COMMON, "filter/core/limits.ts", "control-plane/store/statistics.ts"],
    packages: ["node:crypto"],
  },
  // What goes to a filter is written here, once: the other edge at which protobuf ends.
  {
    path: "control-plane/snapshot/encode.ts",
    files: [...COMMON, "control-plane/snapshot/", "control-plane/gen/vedette/v1/model_pb.ts"],
    packages: ["@bufbuild/protobuf"],
  },
  { path: "control-plane/snapshot/", files: [...COMMON, "filter/core/limits.ts"], packages: ["node:crypto"] },
  { path: "control-plane/store/", files: COMMON, packages: ["lmdb", "node:crypto", "node:v8"] },
  { path: "control-plane/ingest/", files: [...COMMON, "control-plane/store/"], packages: ["node:crypto"] },
  { path: "control-plane/server/", files: [...COMMON, "control-plane/gen/", "filter/core/limits.ts"], packages: ["*"] },
  { path: "control-plane/", files: ["control-plane/", "filter/core/limits.ts"], packages: ["*"] },
  { path: "envoy/", files: ["envoy/", "control-plane/", "filter/core/limits.ts", "test/support/"], packages: ["*"] },
  { path: "bench/", files: [""], packages: ["*"] },
  { path: "test/", files: [""], packages: ["*"] },
];

/** Why a file may not import a name; undefined if it may. */
export function importFault(path: string, name: string): string | undefined {
  const room = rooms.find((candidate) => path.startsWith(candidate.path));
  if (room === undefined) return `${path}: in no room of the import table`;
  const isFile = /\.(ts|mjs|json)$/.test(name) && name.includes("/") && !name.startsWith("@");
  const allowed = isFile
    ? name.startsWith(room.path) || room.files.some((start) => name.startsWith(start))
    : room.packages.includes("*") || room.packages.includes(name);
  return allowed ? undefined : `${path}: imports ${name}, which ${room.path} may not`;
}
