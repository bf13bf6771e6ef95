// Server reflection (v1 and v1alpha), fed from the protobuf-es descriptors: no .proto file is read at run time, and
// maps, which the descriptors of proto-loader spoil, are described as they are.

import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

type Package = ConstructorParameters<typeof ReflectionService>[0];

/** Lists the services and describes every type they use; `more` are files whose messages travel inside Any. */
export function addReflection(server: Server, services: readonly DescService[], more: readonly DescFile[] = []): void {
  const files = new Map<string, Buffer>();
  for (const file of [...services.map((service) => service.file), ...more]) collect(file, files);
  // Of a package definition only the encoded files are read.
  const definition = { files: { fileDescriptorProtos: [...files.values()] } } as unknown as Package;
  new ReflectionService(definition, { services: services.map((service) => service.typeName) }).addToServer(server);
}

function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}
