import { smallHeap } from '#machine/heap'

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`Tallystick needs Node 24 or newer; this is ${process.version}. Start it through npm.\n`)
  process.exit(1)
}
smallHeap()
// Loaded only now: SQLite's binary ends an older Node without a word.
const { start } = await import('./start.ts')
await start(process.argv.slice(2))
