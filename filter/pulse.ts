// The state of this VM, every pulse: totals since its boot, so a pulse that is lost loses nothing.

import { config, configErrors } from "./config";
import { configError, configErrorLength } from "./config-reader";
import { SECTIONS } from "./core/manifest";
import { settingsPulseMs } from "./core/settings";
import { writeBytes, writeClose, writeFixed64, writeOpen, writeVarint } from "./core/write";
import { totals } from "./counts";
import { wallMs } from "./host/clock";
import { vmBootId } from "./node";
import { keyed, mode, serving } from "./snapshot";

/** Before the first settings. */
const PULSE_MS: u32 = 5000;

/** Time between two pulses, in nanoseconds. */
export function pulseNs(): u64 {
  return <u64>(keyed ? settingsPulseMs(serving.settings) : PULSE_MS) * 1000000;
}

/** Writes what this VM holds as a field of the message at work: nothing but the target before the first snapshot. */
export function writeHeld(field: u32): void {
  const opened = writeOpen(field);
  writeBytes(1, config.target, config.targetLength);
  if (keyed) {
    writeVarint(2, serving.epoch);
    writeVarint(3, serving.version);
    for (let kind = 1; kind <= SECTIONS; kind++) {
      const section = writeOpen(4);
      writeVarint(1, kind);
      writeBytes(2, serving.digest(kind), 32);
      writeVarint(3, load<u32>(serving.sizeAt(kind)));
      writeClose(section);
    }
  }
  writeClose(opened);
}

/** Writes a Pulse as a field of the frame at work. */
export function writePulse(field: u32): void {
  const opened = writeOpen(field);
  writeFixed64(1, vmBootId);
  writeVarint(2, wallMs());
  writeHeld(3);
  writeVarint(4, totals.seen);
  writeVarint(5, totals.scored);
  writeVarint(6, totals.seen - totals.scored);
  writeVarint(7, totals.denied);
  writeVarint(8, totals.shadowDenied);
  writeVarint(9, totals.windowsDropped);
  writeVarint(10, totals.denialsDropped);
  writeVarint(11, totals.streamsOpened);
  writeVarint(12, mode());
  writeBytes(13, configError, configErrorLength);
  writeVarint(14, configErrors);
  writeVarint(15, memory.size());
  writeClose(opened);
}
