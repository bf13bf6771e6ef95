// The control plane as a child process: its own folder for data, ports of 127.0.0.1, and mTLS on the sidecar listener
// where it is given a certificate. Started again with the same options it goes on where it was.

import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { type CertificateFiles, TRUST_DOMAIN } from "./certificates.ts";
import { Child } from "./process.ts";

const MAIN = resolve(import.meta.dirname, "..", "control-plane", "main.ts");

export interface ControlPlaneOptions {
  /** For its log, and `data/` unless told otherwise. */
  folder: string;
  dataFolder?: string;
  sidecarPort: number;
  operatorPort: number;
  /** Metrics and health. */
  httpPort: number;
  /** mTLS on the sidecar listener; without it plaintext. */
  identity?: CertificateFiles;
  mesh: string;
  /** Further VEDETTE_* variables (control-plane/config.ts). */
  settings?: Record<string, string>;
}

export class ControlPlane {
  private constructor(
    readonly options: ControlPlaneOptions,
    readonly child: Child,
  ) {}

  /** Resolves when it listens on all its ports. Throws with the last lines of its log if it does not start. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const dataFolder = options.dataFolder ?? join(options.folder, "data");
    await mkdir(dataFolder, { recursive: true });
    const child = new Child({
      name: "control plane",
      command: process.execPath,
      args: ["--import", "tsx", MAIN],
      cwd: resolve(import.meta.dirname, ".."),
      env: environment(options, dataFolder),
      logFile: join(options.folder, "control-plane.log"),
    });
    for (const port of [options.sidecarPort, options.operatorPort, options.httpPort]) {
      await child.until(`it listens on port ${port}`, () => accepts(port));
    }
    return new ControlPlane(options, child);
  }

  get operatorAddress(): string {
    return `127.0.0.1:${this.options.operatorPort}`;
  }

  get sidecarAddress(): string {
    return `127.0.0.1:${this.options.sidecarPort}`;
  }

  /** Prometheus metrics. */
  get metricsUrl(): string {
    return `http://127.0.0.1:${this.options.httpPort}/metrics`;
  }

  async stop(): Promise<void> {
    await this.child.stop(10_000);
  }
}

/** Ours only: a VEDETTE_* variable of the caller's environment is not passed on. */
function environment(options: ControlPlaneOptions, dataFolder: string): NodeJS.ProcessEnv {
  const tls = options.identity;
  const inherited = Object.keys(process.env).filter((name) => name.startsWith("VEDETTE_"));
  return {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    VEDETTE_DATA_DIRECTORY: dataFolder,
    VEDETTE_MESH: options.mesh,
    VEDETTE_TRUST_DOMAIN: TRUST_DOMAIN,
    VEDETTE_SIDECAR_ADDRESS: `127.0.0.1:${options.sidecarPort}`,
    VEDETTE_OPERATOR_ADDRESS: `127.0.0.1:${options.operatorPort}`,
    VEDETTE_HTTP_ADDRESS: `127.0.0.1:${options.httpPort}`,
    // On loopback, for whoever is on this machine.
    VEDETTE_OPERATOR_IDENTITY: "none",
    VEDETTE_SIDECAR_IDENTITY: tls ? "mtls" : "none",
    ...(tls
      ? {
          VEDETTE_SIDECAR_TLS_CERT: tls.certificate,
          VEDETTE_SIDECAR_TLS_KEY: tls.key,
          VEDETTE_SIDECAR_TLS_CLIENT_CA: tls.authority,
        }
      : {}),
    ...options.settings,
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
