// Hostcalls about one request and about buffers: header maps, properties, filter state, the local reply. Maps exist
// in their own phase only: request headers are gone once the filter let them pass, and are back at log time.

import { BufferType, MapType, Status } from "./abi.ts";
import { type Exchange, type HeaderList, latin1, readPairs, writePairs } from "./exchange.ts";
import { Refused, type Vm } from "./vm.ts";

type Calls = Record<string, (...args: never[]) => number>;

function exchangeOf(vm: Vm): Exchange | undefined {
  return vm.current?.stream?.exchange;
}

function headerMap(vm: Vm, type: number): HeaderList {
  const exchange = exchangeOf(vm);
  if (exchange !== undefined) {
    const { phase, requestHeaders, responseHeaders } = exchange;
    if (type === MapType.RequestHeaders && (phase === "request" || phase === "log")) return requestHeaders;
    if (type === MapType.ResponseHeaders && (phase === "response" || phase === "log")) return responseHeaders;
  }
  throw new Refused(Status.BadArgument, `header map ${type} is not there (${exchange?.phase ?? "no stream"})`);
}

export function streamHostcalls(vm: Vm): Calls {
  return { ...headerCalls(vm), ...bufferCalls(vm), ...propertyCalls(vm), ...replyCalls(vm) };
}

function headerCalls(vm: Vm): Calls {
  return {
    proxy_get_header_map_pairs(type: number, pointerAt: number, sizeAt: number) {
      return vm.give(writePairs(headerMap(vm, type)), pointerAt, sizeAt);
    },
    proxy_get_header_map_value(type: number, keyAt: number, keySize: number, pointerAt: number, sizeAt: number) {
      const key = vm.text(keyAt, keySize).toLowerCase();
      const found = headerMap(vm, type).find(([name]) => name === key);
      return found === undefined ? Status.NotFound : vm.give(latin1(found[1]), pointerAt, sizeAt);
    },
    proxy_get_header_map_size(type: number, sizeAt: number) {
      const size = headerMap(vm, type).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      vm.write32(sizeAt, size);
      return Status.Ok;
    },
  };
}

function bufferCalls(vm: Vm): Calls {
  return {
    proxy_get_buffer_bytes(type: number, start: number, length: number, pointerAt: number, sizeAt: number) {
      const buffers: Record<number, Uint8Array | undefined> = {
        [BufferType.GrpcReceive]: vm.grpcMessage,
        [BufferType.VmConfiguration]: new Uint8Array(0),
        [BufferType.PluginConfiguration]: vm.current?.root.config,
      };
      if (type < 0 || type > 8) throw new Refused(Status.BadArgument, `buffer type ${type}`);
      const buffer = buffers[type];
      if (buffer === undefined) throw new Refused(Status.NotFound, `buffer ${type} is not there`);
      const part = buffer.subarray(start >>> 0, (start >>> 0) + (length >>> 0));
      // The host leaves pointer and size untouched where there is nothing to copy.
      return part.length === 0 ? Status.Ok : vm.give(part, pointerAt, sizeAt);
    },
  };
}

function propertyCalls(vm: Vm): Calls {
  return {
    proxy_get_property(pathAt: number, pathSize: number, pointerAt: number, sizeAt: number) {
      const path = vm.text(pathAt, pathSize).replaceAll("\0", ".");
      const exchange = exchangeOf(vm);
      let value = exchange?.properties.get(path);
      if (value === undefined) value = vm.process.property(path);
      if (value === undefined) throw new Refused(Status.NotFound, `property ${path} is not known in this phase`);
      return value === null ? Status.NotFound : vm.give(value, pointerAt, sizeAt);
    },
    proxy_set_property(keyAt: number, keySize: number, at: number, size: number) {
      const exchange = exchangeOf(vm);
      const key = vm.text(keyAt, keySize);
      if (exchange === undefined) throw new Refused(Status.NotFound, `filter state ${key} without a stream`);
      if (exchange.phase === "log")
        throw new Refused(Status.BadArgument, `filter state ${key} at log time reaches no log line`);
      exchange.filterState.set(key, vm.text(at, size));
      return Status.Ok;
    },
  };
}

function replyCalls(vm: Vm): Calls {
  return {
    proxy_send_local_response(
      code: number,
      detailsAt: number,
      detailsSize: number,
      bodyAt: number,
      bodySize: number,
      headersAt: number,
      headersSize: number,
      grpcStatus: number,
    ) {
      const exchange = exchangeOf(vm);
      if (exchange === undefined || exchange.phase !== "request") {
        throw new Refused(Status.BadArgument, `local reply (${exchange?.phase ?? "no stream"})`);
      }
      if (exchange.localReply !== undefined) throw new Refused(Status.BadArgument, "a second local reply");
      if (code < 200 || code > 599) throw new Refused(Status.BadArgument, `local reply with code ${code}`);
      let headers: HeaderList;
      try {
        headers = readPairs(vm.bytes(headersAt, headersSize));
      } catch (error) {
        throw new Refused(Status.BadArgument, (error as Error).message);
      }
      const details = vm.text(detailsAt, detailsSize);
      exchange.localReply = { code, details, body: vm.text(bodyAt, bodySize), headers, grpcStatus };
      return Status.Ok;
    },
  };
}
