// node picture.mjs EXPORT PICTURE: checks EXPORT/head.glb with Khronos' validator, opens it with three.js in Chromium,
// compares it with EXPORT/meshes/*.ply, and saves what the browser shows. Nothing leaves this machine.
import { createServer } from "node:http";
import { readFile, readdir } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import validator from "gltf-validator";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const MOST_MM = 0.11; // the basis comes within 0.1 mm; numbers have seven digits
const SHOWN = 3, COMPARED = 6;
const TYPES = { ".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript" };
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

async function validated(path) {
  const { issues } = await validator.validateBytes(new Uint8Array(await readFile(path)), { maxIssues: 20 });
  for (const message of issues.messages) console.log(`validator     ${message.severity} ${message.code} ${message.pointer}`);
  console.log(`validator     ${issues.numErrors} errors, ${issues.numWarnings} warnings, ${issues.numInfos} remarks`);
  return issues.numErrors === 0 && issues.numWarnings === 0;
}

function served(folder) {
  const roots = { "/export/": folder, "/three/": join(HERE, "node_modules", "three"), "/": HERE };
  return createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const [prefix, root] = Object.entries(roots).find(([start]) => path.startsWith(start));
    try {
      const content = await readFile(join(root, path.slice(prefix.length)));
      response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
}

// Times of the meshes that lie beside the file: sample k of the animation is the k-th frame of the track.
async function moments(folder) {
  const glb = await readFile(join(folder, "head.glb"));
  const told = JSON.parse(glb.toString("utf8", 20, 20 + glb.readUInt32LE(12))).asset.extras;
  const step = (told.last_frame - told.first_frame) / Math.max(1, told.samples - 1);
  const files = (await readdir(join(folder, "meshes"))).filter((name) => name.endsWith(".ply")).sort();
  return files.map((file) => {
    const frame = parseInt(file, 10);
    return { file, frame, time: (frame - told.first_frame) / step / told.fps };
  });
}

function spread(all, count) {
  return Array.from({ length: count }, (_, k) => all[Math.round((k * (all.length - 1)) / (count - 1))]);
}

async function main([folder, picture]) {
  const valid = await validated(join(folder, "head.glb"));
  const all = await moments(folder);
  const server = served(folder);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 460 } });
    page.on("pageerror", (error) => console.log(`page          ${error.message}`));
    page.on("console", (message) => message.type() === "error" && console.log(`page          ${message.text()}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/page.html`);
    await page.waitForFunction("window.ready");
    const shown = spread(all, SHOWN + 1).slice(1);
    const read = await page.evaluate((times) => window.photograph(...times), [shown, spread(all, COMPARED)]);
    await page.screenshot({ path: picture, type: "jpeg", quality: 85 });
    const worst = Math.max(...read.distances_mm);
    const length = `${read.tracks} tracks of ${read.duration_s.toFixed(2)} s`;
    console.log(`three.js      ${read.vertices} vertices, ${read.targets} targets, ${length}`);
    console.log(`to the PLYs   ${worst.toFixed(4)} mm at most, over ${COMPARED} frames`);
    console.log(`picture       ${picture}`);
    return valid && worst < MOST_MM ? 0 : 1;
  } finally {
    await browser.close();
    server.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
