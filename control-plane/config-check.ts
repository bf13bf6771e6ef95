// What configuration keys must hold together: above all that whoever is served without identity stands on loopback, and
// was meant to be.

import type { Config } from "./config.ts";
import { type Address, ConfigError, formatAddress, isLoopback, PREFIX } from "./config-keys.ts";
import { operatorFaults } from "./config-operators.ts";

/** What keys must hold together. Throws ConfigError; also for a Config that was not parsed here. */
export function checkConfig(config: Config): void {
  const { sidecar, operator } = config;
  const { alertFpr, denyFpr } = config.training;
  const faults = [...sidecarFaults(sidecar), ...operatorFaults(operator, operator.tls?.clientCa !== undefined)];
  if (operator.tls === undefined) faults.push(...loopbackFaults("OPERATOR", operator.address, "CERT"));
  const signers = sidecar.tls?.clientCa;
  if (signers !== undefined && signers === operator.tls?.clientCa) {
    const other = `${PREFIX}SIDECAR_TLS_CLIENT_CA`;
    faults.push(
      `${PREFIX}OPERATOR_TLS_CLIENT_CA: ${signers}, must not be ${other}: every sidecar would be an operator`,
    );
  }
  if (operator.tls !== undefined && operator.identity === "none") {
    faults.push(...loopbackFaults("OPERATOR", operator.address, "CLIENT_CA"));
  }
  if (denyFpr > alertFpr)
    faults.push(`${PREFIX}DENY_FPR: ${denyFpr}, must not be above ${PREFIX}ALERT_FPR, ${alertFpr}`);
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
}

function sidecarFaults({ address, tls, identity }: Config["sidecar"]): string[] {
  const name = `${PREFIX}SIDECAR_IDENTITY`;
  if (identity !== "mtls") {
    if (tls !== undefined) return [`${name}: ${identity}, but ${PREFIX}SIDECAR_TLS_CERT is set: that is mtls`];
    return loopbackFaults("SIDECAR", address, "CLIENT_CA");
  }
  if (tls?.clientCa !== undefined) return [];
  return [`${name}: mtls, needs ${PREFIX}SIDECAR_TLS_CLIENT_CA; on loopback it may be xfcc or none`];
}

function loopbackFaults(listener: "SIDECAR" | "OPERATOR", address: Address, part: string): string[] {
  if (isLoopback(address)) return [];
  const shown = formatAddress(address);
  return [`${PREFIX}${listener}_ADDRESS: ${shown}, must be loopback unless ${PREFIX}${listener}_TLS_${part} is set`];
}
