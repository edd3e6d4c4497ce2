// GitHub's own OpenAPI description (npm @octokit/openapi, MIT), cut down to what modelgate asks for.
//
//   node github_openapi.js              the description for Prism
//   node github_openapi.js --requests   the schemas of the requests' bodies alone: github-requests.json
//
// NODE_PATH names where the package is installed. GraphQL is not in the description; the one question that is asked
// there is added by hand.
const fs = require('fs');
const spec = JSON.parse(fs.readFileSync(
  require.resolve('@octokit/openapi/package.json').replace('package.json', 'generated/api.github.com.json')));
const keep = {
  '/repos/{owner}/{repo}/actions/runs/{run_id}': ['get'],
  '/repos/{owner}/{repo}/check-runs': ['post'],
  '/repos/{owner}/{repo}/check-runs/{check_run_id}': ['patch'],
  '/repos/{owner}/{repo}/code-scanning/analyses': ['get'],
  '/repos/{owner}/{repo}/code-scanning/sarifs': ['post'],
  '/repos/{owner}/{repo}/commits/{ref}/check-runs': ['get'],
  '/repos/{owner}/{repo}/commits/{ref}/statuses': ['get'],
  '/repos/{owner}/{repo}/issues/comments/{comment_id}': ['patch'],
  '/repos/{owner}/{repo}/issues/{issue_number}/comments': ['get', 'post'],
  '/repos/{owner}/{repo}/pulls': ['get'],
  '/repos/{owner}/{repo}/pulls/{pull_number}': ['get'],
  '/repos/{owner}/{repo}/pulls/{pull_number}/reviews': ['get'],
  '/repos/{owner}/{repo}/statuses/{sha}': ['post'],
};
const paths = {}, components = {}, seen = new Set();
for (const [path, methods] of Object.entries(keep)) {
  paths[path] = {};
  for (const method of methods) {
    if (!spec.paths[path]?.[method]) throw new Error(`missing ${method} ${path}`);
    paths[path][method] = spec.paths[path][method];
  }
}
if (process.argv.includes('--requests')) {
  const schemas = {};
  // Texts and examples say nothing of what is accepted; references are followed, so that each schema stands alone.
  const texts = ['description', 'title', 'example', 'examples', 'default', 'x-multi-segment'];
  const bare = (node, isProperties) => {
    if (Array.isArray(node)) return node.map(item => bare(item));
    if (!node || typeof node !== 'object') return node;
    if (typeof node.$ref === 'string') return bare(node.$ref.replace('#/', '').split('/').reduce((object, key) => object[key], spec));
    return Object.fromEntries(Object.entries(node)
      .filter(([key]) => isProperties || !texts.includes(key))
      .map(([key, value]) => [key, bare(value, !isProperties && key === 'properties')]));
  };
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const body = operation.requestBody?.content?.['application/json']?.schema;
      if (body) schemas[`${method.toUpperCase()} ${path}`] = bare(body);
    }
  }
  process.stdout.write(JSON.stringify(schemas, null, 1) + '\n');
  return;
}
paths['/graphql'] = {
  post: {
    requestBody: {required: true, content: {'application/json': {schema: {
      type: 'object', required: ['query'], properties: {query: {type: 'string'}}, additionalProperties: false}}}},
    responses: {200: {description: 'who asks', content: {'application/json': {schema: {type: 'object'}}}}},
  },
};
(function walk(node) {
  if (!node || typeof node !== 'object') return;
  if (typeof node.$ref === 'string' && !seen.has(node.$ref)) {
    seen.add(node.$ref);
    const parts = node.$ref.replace('#/', '').split('/').map(part => part.replace(/~1/g, '/').replace(/~0/g, '~'));
    const target = parts.reduce((object, key) => object[key], spec);
    let slot = components;
    for (const key of parts.slice(1, -1)) slot = slot[key] ??= {};
    slot[parts.at(-1)] = target;
    walk(target);
  }
  Object.values(node).forEach(walk);
})(paths);
// The description declares `application/json` alone, and `Accept: application/vnd.github+json` would be a 406.
(function alias(node) {
  if (!node || typeof node !== 'object') return;
  const content = node.content;
  if (content?.['application/json']) content['application/vnd.github+json'] ??= content['application/json'];
  Object.values(node).forEach(alias);
})({ r: Object.values(paths).flatMap(path => Object.values(path).map(method => method.responses)), c: components.responses });
process.stdout.write(JSON.stringify({ openapi: spec.openapi, info: spec.info, servers: spec.servers, paths, components }));
