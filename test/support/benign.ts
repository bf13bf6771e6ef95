// Requests that are normal but that the shop's traffic never contains: other clients, other languages, longer searches.
// None may be denied.

export interface Benign {
  name: string;
  target: string;
  headers: Record<string, string>;
}

const CHROME = {
  "user-agent":
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "accept-language": "pt-BR,pt;q=0.9,en;q=0.5",
  "accept-encoding": "gzip, deflate, br, zstd",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "none",
  "upgrade-insecure-requests": "1",
  cookie: "consent=all; session=f3b1c7d2a9e84450b6; theme=dark",
};

const search = (words: string) => `/search?q=${encodeURIComponent(words)}`;

export const BENIGN: Benign[] = [
  { name: "curl", target: "/", headers: { "user-agent": "curl/8.11.1", accept: "*/*" } },
  { name: "curl, a search", target: "/search?q=lamp", headers: { "user-agent": "curl/8.11.1", accept: "*/*" } },
  { name: "no user agent", target: "/search?q=shoes", headers: {} },
  { name: "a browser's headers", target: "/", headers: CHROME },
  { name: "a browser's search", target: "/search?q=winter+coat&page=2", headers: CHROME },
  {
    name: "a referer with a query",
    target: "/search?q=tea",
    headers: { ...CHROME, referer: "https://shop.example/search?q=cup&page=3" },
  },
  { name: "Japanese", target: search("ワイヤレス ヘッドホン"), headers: { "accept-language": "ja" } },
  { name: "Arabic", target: search("كرسي خشبي صغير"), headers: { "accept-language": "ar" } },
  { name: "Hindi", target: search("लकड़ी की मेज"), headers: { "accept-language": "hi" } },
  { name: "Korean", target: search("겨울 신발"), headers: { "accept-language": "ko-KR" } },
  { name: "Hebrew", target: search("שולחן עץ"), headers: { "accept-language": "he" } },
  { name: "Polish", target: search("żółta łódź"), headers: { "accept-language": "pl" } },
  { name: "Turkish", target: search("küçük çaydanlık ve ışık"), headers: { "accept-language": "tr" } },
  {
    name: "a longer search",
    target: search("very large wooden garden table with six chairs and a green parasol for the terrace"),
    headers: CHROME,
  },
  {
    name: "a longer search with +",
    target: "/search?q=how+to+choose+a+good+coffee+grinder+for+espresso+at+home+under+200",
    headers: CHROME,
  },
  { name: "a part number", target: search("AX-4410/B rev 3"), headers: CHROME },
  { name: "an emoji", target: search("gift 🎁 for mum"), headers: CHROME },
  { name: "another page", target: "/search?q=bag&page=57&sort=rating", headers: CHROME },
  { name: "upper case", target: search("LED LAMP USB-C"), headers: CHROME },
  { name: "one letter", target: "/search?q=x", headers: { "user-agent": "python-requests/2.32.5" } },
];
