// Starts a root context in a VM, in Envoy's order: context create, VM start, configure. Each configuration has its
// own in each VM.

import { GrpcStreams } from "./grpc.ts";
import type { RootContext, Vm } from "./vm.ts";

/** `accepted` is false where the filter refused the configuration, or trapped. */
export function startRoot(vm: Vm, configuration: string): { root: RootContext; accepted: boolean } {
  const { loop } = vm.process;
  const streams: GrpcStreams = new GrpcStreams(
    {
      post: (deliver) => loop.post(vm.thread, () => root.ended || deliver()),
      receive: (token, message) => {
        vm.grpcMessage = message;
        vm.enterOn(root, undefined, "proxy_on_grpc_receive", token, message.length);
        vm.grpcMessage = undefined;
      },
      close: (token, status) => void vm.enterOn(root, undefined, "proxy_on_grpc_close", token, status),
    },
    () => vm.process.nextGrpcToken(),
  );
  const config = Buffer.from(configuration, "utf8");
  const root: RootContext = { id: vm.nextContextId(), config, streams, open: 0, ending: false, ended: false };
  vm.roots.set(root.id, root);
  vm.enterOn(root, undefined, "proxy_on_context_create", 0);
  const started = vm.enterOn(root, undefined, "proxy_on_vm_start", 0) !== 0;
  const accepted = started && vm.enterOn(root, undefined, "proxy_on_configure", config.length) === 1;
  return { root, accepted: accepted && vm.failed === undefined };
}
