// From the names of an operator to what it may do, by the bindings of the configuration.

import type { PrincipalKind, RoleBindings } from "../config-operators.ts";
import type { Role } from "../domain.ts";
import type { Principal } from "./identity.ts";

/** A name by which bindings may know an operator. */
export type OperatorName = [kind: PrincipalKind, name: string];

/** With every role that a binding gives one of the names; without any it may do what anyone may. */
export function operator(
  identity: string,
  names: readonly OperatorName[],
  expiresAtMs: number,
  bindings: RoleBindings,
): Principal {
  const roles = new Set<Role>(names.flatMap(([kind, name]) => bindings.get(`${kind}:${name}`) ?? []));
  return { identity, roles: [...roles], expiresAtMs, mayServe: () => false };
}
