// A terminal as it is shipped, which tells each moment as it passes and dies at the one it is told to, as if its power
// had been cut. What it tells goes out by a write that is done when it returns: a dead process has said it.
import { writeSync } from 'node:fs'
import { start } from '../../dist/apps/terminal/start.js'

const MOMENTS = 3
let last = null

process.on('message', moment => {
  last = moment
  writeSync(MOMENTS, 'armed\n')
})
process.channel.unref()

await start(process.argv.slice(2), moment => {
  writeSync(MOMENTS, `${moment}\n`)
  if (moment === last) process.kill(process.pid, 'SIGKILL')
})
