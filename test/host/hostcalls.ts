// The hostcalls themselves, as proxy-wasm-cpp-host and Envoy 1.40 answer them; what an argument must not be is
// refused, and a strict host throws it. Streams' calls are in stream-hostcalls.ts.

import { Status } from "./abi.ts";
import { latin1 } from "./exchange.ts";
import { verifySignature } from "./foreign.ts";
import { parseGrpcService } from "./grpc.ts";
import type { MetricType } from "./shared-state.ts";
import { streamHostcalls } from "./stream-hostcalls.ts";
import { Refused, type RootContext, type Vm } from "./vm.ts";

type Calls = Record<string, (...args: never[]) => number>;

/** Every hostcall that is emulated, bound to one VM. */
export function environment(vm: Vm): { env: Calls; wasi: Calls } {
  return {
    env: { ...processCalls(vm), ...sharedCalls(vm), ...metricCalls(vm), ...grpcCalls(vm), ...streamHostcalls(vm) },
    wasi: wasiCalls(vm),
  };
}

/** The root context of whatever runs. */
export function rootOf(vm: Vm): RootContext {
  if (vm.current === undefined) throw new Refused(Status.BadArgument, "called without a context");
  return vm.current.root;
}

function processCalls(vm: Vm): Calls {
  return {
    proxy_log(level: number, at: number, size: number) {
      if (level < 0 || level > 5) throw new Refused(Status.BadArgument, `log level ${level}`);
      vm.process.logs.push({ vm: vm.name, level, text: Buffer.from(vm.bytes(at, size)).toString("utf8") });
      return Status.Ok;
    },
    proxy_get_log_level(at: number) {
      vm.write32(at, 2);
      return Status.Ok;
    },
    proxy_set_tick_period_milliseconds(ms: number) {
      const root = rootOf(vm);
      vm.process.loop.setTimer(root, vm.thread, ms, () => {
        if (!root.ended) vm.enterOn(root, undefined, "proxy_on_tick");
      });
      return Status.Ok;
    },
    proxy_get_current_time_nanoseconds(at: number) {
      vm.write64(at, vm.process.loop.wallNs);
      return Status.Ok;
    },
    proxy_set_effective_context(id: number) {
      const stream = vm.contexts.get(id);
      const root = stream?.root ?? vm.roots.get(id);
      if (root === undefined) throw new Refused(Status.BadArgument, `no context ${id}`);
      vm.current = { root, stream };
      return Status.Ok;
    },
    proxy_call_foreign_function(
      nameAt: number,
      nameSize: number,
      at: number,
      size: number,
      pointerAt: number,
      sizeAt: number,
    ) {
      const name = vm.text(nameAt, nameSize);
      if (name !== "verify_signature") throw new Refused(Status.NotFound, `no foreign function ${name}`);
      const result = verifySignature(vm.bytes(at, size));
      if (result === undefined) throw new Refused(Status.BadArgument, "verify_signature: arguments are no protobuf");
      return vm.give(result, pointerAt, sizeAt);
    },
  };
}

function wasiCalls(vm: Vm): Calls {
  return {
    clock_time_get(clock: number, _precision: bigint, at: number) {
      if (clock !== 0 && clock !== 1) throw new Refused(58, `clock ${clock}`);
      vm.write64(at, clock === 0 ? vm.process.loop.wallNs : vm.process.loop.monotonicNs);
      return 0;
    },
    random_get(at: number, size: number) {
      if (size < 0 || size > 65536) throw new Refused(28, `${size} random bytes, at most 65536`);
      vm.write(at, vm.process.random.bytes(size));
      return 0;
    },
  };
}

function sharedCalls(vm: Vm): Calls {
  const { data, queues, vmId } = vm.process;
  return {
    proxy_get_shared_data(keyAt: number, keySize: number, pointerAt: number, sizeAt: number, casAt: number) {
      const held = data.get(vmId, vm.text(keyAt, keySize));
      if (held === undefined) return Status.NotFound;
      const status = vm.give(held.value, pointerAt, sizeAt);
      if (status === Status.Ok) vm.write32(casAt, held.cas);
      return status;
    },
    proxy_set_shared_data(keyAt: number, keySize: number, at: number, size: number, cas: number) {
      return data.set(vmId, vm.text(keyAt, keySize), vm.bytes(at, size), cas >>> 0);
    },
    proxy_register_shared_queue(nameAt: number, nameSize: number, tokenAt: number) {
      const root = rootOf(vm);
      const token: number = queues.register(vmId, vm.text(nameAt, nameSize), () => {
        vm.process.loop.post(vm.thread, () => {
          if (!root.ended) vm.enterOn(root, undefined, "proxy_on_queue_ready", token);
        });
      });
      vm.write32(tokenAt, token);
      return Status.Ok;
    },
    proxy_resolve_shared_queue(vmIdAt: number, vmIdSize: number, nameAt: number, nameSize: number, tokenAt: number) {
      // An empty VM id stands for the caller's own.
      const token = queues.resolve(vm.text(vmIdAt, vmIdSize) || vmId, vm.text(nameAt, nameSize));
      if (token === undefined) return Status.NotFound;
      vm.write32(tokenAt, token);
      return Status.Ok;
    },
    proxy_enqueue_shared_queue(token: number, at: number, size: number) {
      return queues.enqueue(token, vm.bytes(at, size));
    },
    proxy_dequeue_shared_queue(token: number, pointerAt: number, sizeAt: number) {
      const message = queues.dequeue(token);
      return typeof message === "number" ? message : vm.give(message, pointerAt, sizeAt);
    },
  };
}

function metricCalls(vm: Vm): Calls {
  const { metrics } = vm.process;
  const checked = (status: number, id: number, value: bigint): number => {
    if (status !== Status.Ok) throw new Refused(status, `metric ${id}, value ${value}`);
    return status;
  };
  return {
    proxy_define_metric(type: number, nameAt: number, nameSize: number, idAt: number) {
      if (type < 0 || type > 2) throw new Refused(Status.BadArgument, `metric type ${type}`);
      vm.write32(idAt, metrics.define(type as MetricType, vm.text(nameAt, nameSize)));
      return Status.Ok;
    },
    proxy_increment_metric(id: number, by: bigint) {
      return checked(metrics.increment(id, by), id, by);
    },
    proxy_record_metric(id: number, value: bigint) {
      return checked(metrics.record(id, value), id, value);
    },
  };
}

function grpcCalls(vm: Vm): Calls {
  const isStream = (token: number): void => {
    if ((token & 1) === 0) throw new Refused(Status.BadArgument, `token ${token} is no stream's`);
  };
  return {
    proxy_grpc_stream(
      at: number,
      size: number,
      serviceAt: number,
      serviceSize: number,
      methodAt: number,
      methodSize: number,
      _metadataAt: number,
      metadataSize: number,
      tokenAt: number,
    ) {
      const target = parseGrpcService(vm.bytes(at, size));
      if (target === undefined) throw new Refused(Status.ParseFailure, "service is no GrpcService");
      if (metadataSize !== 0) throw new Refused(Status.Unimplemented, "initial metadata is not emulated");
      const call = { ...target, service: vm.text(serviceAt, serviceSize), method: vm.text(methodAt, methodSize) };
      const token = rootOf(vm).streams.open(call, vm.process.clusters.get(target.cluster));
      if (token < 0) return -token;
      vm.write32(tokenAt, token);
      return Status.Ok;
    },
    proxy_grpc_send(token: number, at: number, size: number, end: number) {
      isStream(token);
      if (end !== 0) throw new Refused(Status.Unimplemented, "send with end of stream is not emulated");
      return rootOf(vm).streams.send(token, vm.bytes(at, size));
    },
    proxy_grpc_close(token: number) {
      isStream(token);
      return rootOf(vm).streams.close(token);
    },
    proxy_grpc_cancel(token: number) {
      isStream(token);
      return rootOf(vm).streams.cancel(token);
    },
  };
}

/** Text property of the process. */
export function textProperty(value: string | undefined): Uint8Array | null {
  return value === undefined ? null : latin1(value);
}
