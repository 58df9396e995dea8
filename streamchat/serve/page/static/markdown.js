// Markdown as nodes. No markup is ever parsed: what a model says cannot become a script, an image
// or a style, whatever it looks like.

import MarkdownIt from "./vendor/markdown-it.js";
import { make, makeCopyButton, sanitize } from "./dom.js";

const DEEPEST = 24; // nested elements; what is nested deeper stays at this depth
const TAGS = new Set([
  "p", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
  "strong", "em", "s",
]);
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

const parser = new MarkdownIt("default", { html: false, linkify: true, maxNesting: DEEPEST });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

/** Return the tokens of a text. `references` remembers the link definitions of earlier parts. */
export function parse(text, references) {
  return parser.parse(text, references);
}

/** Return the tokens as a fragment of the page. */
export function makeNodes(tokens) {
  const root = document.createDocumentFragment();
  const open = [root];
  for (const token of tokens) {
    const parent = open.at(-1);
    if (token.nesting === 1) {
      open.push(openElement(token, parent, open.length));
    } else if (token.nesting === -1) {
      open.pop();
    } else {
      parent.append(makeLeaf(token));
    }
  }
  return root;
}

function openElement(token, parent, depth) {
  if (token.hidden || depth > DEEPEST) return parent; // the paragraphs of a tight list are hidden
  const element = makeElement(token);
  parent.append(token.tag === "table" ? wrapTable(element) : element);
  return element;
}

function makeElement(token) {
  if (token.tag === "a") return makeLink(token.attrGet("href"));
  if (/^h[1-6]$/.test(token.tag)) return makeHeading(Number(token.tag[1]));
  const element = make(TAGS.has(token.tag) ? token.tag : "span");
  const start = token.tag === "ol" && token.attrGet("start");
  if (start) element.start = Number(start);
  const align = /right|center/.exec(token.attrGet("style") ?? "");
  if (align) element.className = align[0];
  return element;
}

/** Headings stand below the question's, which is an h2. */
function makeHeading(level) {
  return make(`h${Math.min(6, level + 2)}`);
}

function makeLink(href) {
  const address = URL.parse?.(href) ?? parseAddress(href);
  if (!SCHEMES.has(address?.protocol)) return make("span");
  const rel = "noopener noreferrer nofollow";
  return make("a", { href: address.href, rel, target: "_blank", title: address.href });
}

function parseAddress(href) {
  try {
    return new URL(href);
  } catch {
    return null;
  }
}

function makeLeaf(token) {
  switch (token.type) {
    case "inline":
      return makeNodes(token.children);
    case "fence":
    case "code_block":
      return makeCode(token.content, token.info.trim().split(/\s/)[0]);
    case "code_inline":
      return make("code", {}, token.content);
    case "image":
      return makeImageLink(token);
    case "hardbreak":
      return make("br");
    case "hr":
      return make("hr");
    case "softbreak":
      return document.createTextNode("\n");
    default:
      return document.createTextNode(sanitize(token.content)); // &#x202e; is one character by now
  }
}

/** An image is not loaded, so that nobody learns who reads the answer: it is a link. */
function makeImageLink(token) {
  const link = makeLink(token.attrGet("src"));
  link.append(`image: ${sanitize(token.content) || "without a description"}`);
  return link;
}

function makeCode(text, language) {
  const code = make("pre", { tabIndex: 0, role: "group" }, make("code", {}, text));
  code.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
  const bar = make("div", { className: "bar" }, make("span", {}, language), makeCopyButton(() => text));
  return make("div", { className: "code" }, bar, code);
}

function wrapTable(table) {
  const label = { "aria-label": "Table", role: "group", tabIndex: 0 };
  return make("div", { className: "table", ...label }, table);
}
