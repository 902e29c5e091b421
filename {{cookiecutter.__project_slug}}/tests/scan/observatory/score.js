// Scores one page with the Observatory's own retriever, tests and grader; prints JSON.
//
//   node score.js PACKAGE HTTP_PORT HTTPS_PORT PATH [RESULT ...]
//
// What a RESULT names takes no points off: whoever calls has a reason for it.
//
// The package's command takes a host name only. Its retriever takes ports and a path as well, so
// this does what the command does with what that returns.

import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const HOST = "localhost";
const [folder, httpPort, httpsPort, page, ...excused] = process.argv.slice(2);

const load = (name) => import(pathToFileURL(path.join(folder, "src", name)).href);
const { retrieve } = await load("retriever/retriever.js");
const { ALL_TESTS } = await load("constants.js");
const { getScoreModifier } = await load("grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("grader/charts.js");

const retrieved = await retrieve(HOST, { httpPort, httpsPort, path: page });
const { http, https, auto } = retrieved.responses;
if (!http || !https || auto !== https) {
  // Without an answer on port 80 it would find that no redirect is needed.
  console.error(`no answer over ${http ? "HTTPS" : "HTTP"}`);
  process.exit(1);
}
if (auto.status < 200 || (auto.status >= 400 && ![401, 403].includes(auto.status))) {
  console.error(`status ${auto.status}, which the Observatory does not score`);
  process.exit(1);
}

const tests = ALL_TESTS.map((test) => {
  const output = test(retrieved);
  const { result, pass } = output;
  const modifier = excused.includes(result) ? 0 : getScoreModifier(result);
  return { name: output.constructor.name, result, pass, modifier };
});
const sum = (numbers) => numbers.reduce((total, number) => total + number, 100);
const modifiers = tests.map((test) => test.modifier);
const withoutCredit = sum(modifiers.filter((modifier) => modifier < 0));
const score =
  withoutCredit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : Math.max(withoutCredit, 0);

console.log(JSON.stringify({ score, status: auto.status, tests }));
process.exit(0);
