if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`Tallystick needs Node 24 or newer; this is ${process.version}. Start it through npm.\n`)
  process.exit(1)
}
const { run } = await import('./tally.ts')
await run(process.argv.slice(2))
