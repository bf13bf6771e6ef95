// Who may call what: one table, every method of every service of both listeners, by its path. What has no row is
// refused for everybody. The whole of operator authorisation: handlers ask nothing.

import type { Role } from "../domain.ts";

/** `anyone` is whoever reaches the listener; `sidecar` whoever the sidecar listener has let in. */
export type Access = "anyone" | "sidecar" | Role;

const EVERY_OPERATOR: readonly Access[] = ["viewer", "rule-editor", "mode-editor", "admin"];
const RULES: readonly Access[] = ["rule-editor", "admin"];
const MODES: readonly Access[] = ["mode-editor", "admin"];
const ADMIN: readonly Access[] = ["admin"];

const SIDECAR = "/vedette.v1.SidecarService";
const OPERATOR = "/vedette.v1.OperatorService";
const HEALTH = "/grpc.health.v1.Health";
const REFLECTION = "ServerReflection/ServerReflectionInfo";

export const ACCESS: ReadonlyMap<string, readonly Access[]> = new Map([
  [`${SIDECAR}/Connect`, ["sidecar"]],

  [`${OPERATOR}/ListWorkloads`, EVERY_OPERATOR],
  [`${OPERATOR}/GetWorkload`, EVERY_OPERATOR],
  [`${OPERATOR}/SetWorkloadMode`, MODES],
  [`${OPERATOR}/CreateRule`, RULES],
  [`${OPERATOR}/GetRule`, EVERY_OPERATOR],
  [`${OPERATOR}/ListRules`, EVERY_OPERATOR],
  [`${OPERATOR}/DeleteRule`, RULES],
  [`${OPERATOR}/PreviewRule`, EVERY_OPERATOR],
  [`${OPERATOR}/ListNodes`, EVERY_OPERATOR],
  [`${OPERATOR}/WatchDenials`, EVERY_OPERATOR],
  [`${OPERATOR}/CreateBan`, ADMIN],
  [`${OPERATOR}/ListBans`, EVERY_OPERATOR],
  [`${OPERATOR}/DeleteBan`, ADMIN],
  [`${OPERATOR}/ListAuditEntries`, ADMIN],

  // For probes: says no more than that a port answers.
  [`${HEALTH}/Check`, ["anyone"]],
  [`${HEALTH}/List`, [...EVERY_OPERATOR, "sidecar"]],
  [`${HEALTH}/Watch`, [...EVERY_OPERATOR, "sidecar"]],
  [`/grpc.reflection.v1.${REFLECTION}`, EVERY_OPERATOR],
  [`/grpc.reflection.v1alpha.${REFLECTION}`, EVERY_OPERATOR],
]);

/** True where one of the roles may call the method of that path. */
export function mayCall(path: string, roles: readonly Access[]): boolean {
  const allowed = ACCESS.get(path) ?? [];
  return allowed.includes("anyone") || roles.some((role) => allowed.includes(role));
}

/** The table of control-plane/README.md. */
export function accessTable(): string {
  const rows = [...ACCESS].map(([path, allowed]) => `| \`${path.slice(1)}\` | ${allowed.join(", ")} |`);
  return ["| method | for |", "| --- | --- |", ...rows].join("\n");
}
