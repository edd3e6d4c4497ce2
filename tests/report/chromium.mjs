// Looks at HTML reports with Chromium, as people do: light, dark, on paper, on a phone, and by keyboard alone.
//
//     node chromium.mjs [--screenshots DIRECTORY] page.html...
//
// Fails if a page asks for anything, says anything on the console, has an element that no template writes, cannot be used
// by keyboard, is wider than a phone, or breaks a rule of axe-core (contrast included).

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import puppeteer from "puppeteer-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Everything that the templates write.
const ELEMENTS = new Set(
  ("html head meta link title style body a header nav main footer section article div p span b strong br h1 h2 h3 h4 ul li dl dt dd " +
    "table caption thead tbody tr th td code pre figure figcaption svg desc rect text line polyline circle").split(" "),
);
const WIDE = { width: 1200, height: 900 };
const PHONE = { width: 375, height: 812 };

const arguments_ = process.argv.slice(2);
let screenshots = null;
if (arguments_[0] === "--screenshots") {
  screenshots = arguments_[1];
  arguments_.splice(0, 2);
  mkdirSync(screenshots, { recursive: true });
}
if (arguments_.length === 0) {
  console.error("usage: node chromium.mjs [--screenshots DIRECTORY] page.html...");
  process.exit(2);
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Containers of CI run as root, where Chromium's own sandbox does not start; the pages are our own files.
  args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
});

/** What is wrong with one page. */
async function problemsOf(file) {
  const problems = [];
  const url = pathToFileURL(resolve(file)).href;
  const page = await browser.newPage();
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && asked !== "data:,") problems.push(`asks for ${asked}`);
  });
  await page.setViewport(WIDE);
  await page.goto(url, { waitUntil: "networkidle0" });

  const found = await page.evaluate(() => ({
    elements: [...new Set([...document.querySelectorAll("*")].map((element) => element.localName))],
    attributes: [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames())
      .filter((name) => name.startsWith("on") || name === "style" || name === "src"),
    links: [...document.querySelectorAll("[href]")].map((element) => element.getAttribute("href")),
    ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
  }));
  for (const element of found.elements) if (!ELEMENTS.has(element)) problems.push(`has a <${element}>`);
  for (const name of found.attributes) problems.push(`has an attribute ${name}`);
  for (const link of found.links) {
    if (link !== "data:," && !(link.startsWith("#") && found.ids.includes(link.slice(1)))) problems.push(`links to ${link}`);
  }
  if (new Set(found.ids).size !== found.ids.length) problems.push("two elements have the same id");

  for (const [colours, viewport] of [["light", WIDE], ["dark", WIDE], ["light", PHONE], ["dark", PHONE]]) {
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
    const where = `${colours}, ${viewport.width} px`;
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > viewport.width) problems.push(`${where}: is ${width} px wide`);
    await page.evaluate(axe);
    const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const violation of result.violations) {
      const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" ");
      problems.push(`${where}: ${violation.id} (${violation.help}): ${nodes}`);
    }
    if (screenshots) {
      const name = `${basename(file, ".html")}-${colours}-${viewport.width}.png`;
      await page.screenshot({ path: join(screenshots, name), fullPage: true });
    }
  }

  await page.setViewport(WIDE);
  problems.push(...(await keyboard(page)));

  await page.emulateMediaFeatures([]);
  await page.emulateMediaType("print");
  const printed = await page.evaluate(() => ({
    navigation: [...document.querySelectorAll("nav, .skip")].filter((element) => element.checkVisibility()).length,
    background: getComputedStyle(document.body).backgroundColor,
    cut: [...document.querySelectorAll(".scroll")].filter((box) => getComputedStyle(box).overflowX !== "visible").length,
  }));
  if (printed.navigation > 0) problems.push("print: the navigation is on paper");
  if (printed.background !== "rgb(255, 255, 255)") problems.push(`print: the paper is ${printed.background}`);
  if (printed.cut > 0) problems.push(`print: ${printed.cut} tables are cut off`);
  const pdf = await page.pdf({ format: "A4", printBackground: true, preferCSSPageSize: true });
  if (!Buffer.from(pdf.slice(0, 5)).equals(Buffer.from("%PDF-"))) problems.push("print: no PDF");
  const sheets = Buffer.from(pdf).toString("latin1").match(/\/Type \/Page\b/g)?.length ?? 0;
  if (sheets === 0 || (file.endsWith("-memo.html") && sheets > 1)) problems.push(`print: ${sheets} sheets`);
  if (screenshots) {
    writeFileSync(join(screenshots, `${basename(file, ".html")}.pdf`), pdf);
  }
  await page.close();
  return problems;
}

/** Goes through the page with the tabulator: everything is reached, in the order of the text, and can be seen. */
async function keyboard(page) {
  const problems = [];
  const expected = await page.evaluate(() => {
    const focusable = [...document.querySelectorAll("a[href], [tabindex='0']")];
    focusable.forEach((element, position) => (element.dataset.position = position));
    document.activeElement?.blur();
    globalThis.scrollTo(0, 0);
    return focusable.length;
  });
  for (let position = 0; position < expected; position += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const box = element.getBoundingClientRect();
      const outline = getComputedStyle(element);
      return {
        position: Number(element.dataset.position ?? -1),
        text: (element.getAttribute("aria-label") ?? element.textContent).slice(0, 60),
        isSeen: box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight,
        hasOutline: outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) >= 2,
      };
    });
    if (focused.position !== position) {
      problems.push(`keyboard: stop ${position + 1} is number ${focused.position + 1} of the text (${focused.text})`);
      break;
    }
    if (!focused.isSeen || !focused.hasOutline) problems.push(`keyboard: the focus on "${focused.text}" cannot be seen`);
  }
  if (expected < 2) problems.push("keyboard: there is nothing to reach");
  return problems;
}

let failed = 0;
for (const file of arguments_) {
  const problems = await problemsOf(file);
  for (const problem of problems) console.error(`${file}: ${problem}`);
  if (problems.length > 0) failed += 1;
}
await browser.close();
console.log(`${arguments_.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
