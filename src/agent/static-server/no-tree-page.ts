// What a node shows at / before its first switch. It is part of no tree.

export const noTreePage = Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="2">
<title>No tree yet</title>
<style>
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 20vh auto 0; padding: 0 1.5rem; color: #222; background: #fff }
  code { background: #eee; padding: .1em .35em; border-radius: .25em }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } code { background: #333 } }
</style>
</head>
<body>
<h1>No tree yet</h1>
<p>This Treecast node is ready and has nothing to serve. Publish the site with <code>git push</code>, and this page gives way to it.</p>
</body>
</html>
`);
