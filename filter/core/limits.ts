// Every bound of the system, each with its reason. The control plane reads the same numbers out of core.wasm, so that
// the producer cannot emit what the consumer refuses. Sizes are bytes unless the name says otherwise.

/** Numbers of one request. 32 = four SIMD registers of i16; the last three are spare lanes put to use. */
export const FEATURES: i32 = 32;
/** Sums of products of two features, j <= i. */
export const PRODUCTS: i32 = (FEATURES * (FEATURES + 1)) / 2;
/** Highest bin: bin(65,535). */
export const BIN_MAX: i32 = 24;

/** A path longer than head + tail is scanned as head and tail: bounds the time of a request. */
export const PATH_HEAD: i32 = 2048;
export const PATH_TAIL: i32 = 1024;
export const QUERY_HEAD: i32 = 4096;
export const QUERY_TAIL: i32 = 2048;
/** Segments that a reason can point at. */
export const PATH_SEGMENTS_MAX: i32 = 64;
export const PARAMETERS_MAX: i32 = 256;

/** Route: RFC 9110 methods have at most 7 letters, a longer one than 16 becomes OTHER. */
export const METHOD_MAX: i32 = 16;
export const ROUTE_SEGMENTS_MAX: i32 = 8;
export const ROUTE_SEGMENT_MAX: i32 = 64;
/** The longest route has 16 + 1 + 9 * 65 = 602 bytes; longer than this becomes the overflow route. */
export const ROUTE_MAX: i32 = 512;
/** SPIFFE ids: the standard allows 2,048; Kubernetes names give less than 200. Longer ones are cut. */
export const CALLER_MAX: i32 = 256;

/** Buckets of a score histogram: 8 an octave up to 2^17. */
export const SCORE_BUCKETS: i32 = 128;
export const SCORE_MAX: u32 = 0x7fffffff;
export const NO_SCORE: u32 = 0xffffffff;
/** |z| in 1/256 standard deviation: 4,096 standard deviations. */
export const Z_MAX: i64 = (1 << 20) - 1;

export const SETTINGS_MAX: i32 = 65536;
export const MODEL_MAX: i32 = 131072;
/** Half of the rule memory of the plan: the other half takes the next set while this one serves. */
export const RULES_MAX_BYTES: i32 = 1048576;
export const RULES_MAX: i32 = 10240;
export const HASH_KEYS_MAX: i32 = 2;
export const WINDOW_MS_MIN: i32 = 1000;
export const WINDOW_MS_MAX: i32 = 600000;
export const PULSE_MS_MIN: i32 = 500;
export const PULSE_MS_MAX: i32 = 60000;

/** Header pairs of one request as the host hands them over; Envoy's own default limit is 60 KiB. Above: oversize. */
export const HEADERS_MAX: i32 = 262144;
/** Live requests of one VM that are remembered between headers and log. */
export const REQUESTS_MAX: i32 = 2048;
export const ROUTES_MAX: i32 = 256;
export const CALLERS_MAX: i32 = 128;
export const EDGES_MAX: i32 = 1024;
export const CALLER_GROUPS: i32 = 8;
/** A cell with fewer requests stays in the sidecar and is carried over (k-anonymity). */
export const CELL_MIN: i32 = 10;
/** A name leaves the sidecar after this many requests, or from this many callers. */
export const NAME_REQUESTS_MIN: i32 = 20;
export const NAME_CALLERS_MIN: i32 = 3;
/** Parameter names watched for release. */
export const NAMES_MAX: i32 = 512;
/** Sealed windows not yet acknowledged. */
export const RING_BYTES: i32 = 524288;
/** Windows sent and not acknowledged: Envoy has no backpressure. */
export const WINDOWS_IN_FLIGHT_MAX: i32 = 4;
export const DENIALS_MAX: i32 = 64;
/** VMs of one process that can register a slot. */
export const SLOTS_MAX: i32 = 64;
/** A window is sealed early at this many requests: 2^22 * 24 * 24 stays below 2^32. */
export const WINDOW_REQUESTS_MAX: u32 = 1 << 22;
/** Declared maximum of the filter's memory, in 64 KiB pages. */
export const MEMORY_PAGES_MAX: i32 = 64;

/** Segments that the attack and structure heads look at (law 9). */
export const HEADER_SEGMENTS_MAX: i32 = 128;
/** Of a segment's name, what its context is named by. */
export const CONTEXT_NAME_MAX: i32 = 64;
/** A longer text is taken as head and tail: bounds the time of a request. */
export const TEXT_HEAD: i32 = 384;
export const TEXT_TAIL: i32 = 128;
export const HEADER_VALUE_HEAD: i32 = 6144;
export const HEADER_VALUE_TAIL: i32 = 2048;
export const CLASSES: i32 = 11;
export const LENGTHS: i32 = BIN_MAX + 1;
export const LEVELS: i32 = 32;
/** Highest attack excess that counts, in 1/32 nat. */
export const EXCESS_MAX: i32 = 2047;
/** Weights of the attack table: as many as 15 bits can name; half as many find fewer command injections. */
export const ATTACK_WEIGHTS: i32 = 32768;
export const ATTACK_BIAS_MAX: i32 = 65536;
/** Contexts of a model: two bodies and the attack table stay below MODEL_MAX. */
export const MODEL_CONTEXTS_MAX: i32 = 1024;
/** Contexts of one window. */
export const CONTEXTS_MAX: i32 = 256;
/** Routes of a model: as many as a control plane keeps of a target. */
export const MODEL_ROUTES_MAX: i32 = 1024;
/** A request with so much attack excess, in 1/32 nat, is held back from learning (law 11). */
export const HELD_EXCESS: i32 = 96;
/** Of the distance, in 1/256, what counts a fifth in the score: the mean of that of 32 Gaussian features (law 11). */
export const USUAL_DISTANCE: u32 = 8192;
