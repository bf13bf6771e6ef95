// A small protobuf reader for what a filter hands to the host: GrpcService, arguments of foreign functions. Throws on
// what Envoy's parser refuses.

export interface WireField {
  field: number;
  /** Of varints and fixed numbers. */
  number: bigint;
  /** Of length-delimited fields. */
  bytes: Uint8Array | undefined;
}

export function readFields(bytes: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error(`wire: truncated at ${at - 1}`);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error(`wire: a varint of more than 10 bytes before ${at}`);
  };
  const take = (size: number): Uint8Array => {
    if (at + size > bytes.length) throw new Error(`wire: truncated at ${at}`);
    at += size;
    return bytes.subarray(at - size, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = tag >>> 3;
    const type = tag & 7;
    if (field === 0) throw new Error(`wire: field 0 at ${at}`);
    if (type === 0) fields.push({ field, number: varint(), bytes: undefined });
    else if (type === 2) fields.push({ field, number: 0n, bytes: take(Number(varint())) });
    else if (type === 1 || type === 5) {
      const number = take(type === 1 ? 8 : 4).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      fields.push({ field, number, bytes: undefined });
    } else throw new Error(`wire: type ${type} at ${at}`);
  }
  return fields;
}

/** The last field of this number as bytes. */
export function bytesField(fields: WireField[], number: number): Uint8Array | undefined {
  return fields.findLast((field) => field.field === number)?.bytes;
}

export function textField(fields: WireField[], number: number): string | undefined {
  const bytes = bytesField(fields, number);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
