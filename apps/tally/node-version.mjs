// One clear line instead of a crash: better-sqlite3's binary ends an older Node without a word.
export const refuseOldNode = () => {
  if (Number(process.versions.node.split('.')[0]) >= 24) return
  process.stderr.write(
    `Tallystick needs Node 24 or newer; this is ${process.version}. Run it through npm (npm start), which uses the Node 24 ` +
      'that npm ci installs on Linux x64, or install Node 24.\n',
  )
  process.exit(1)
}
