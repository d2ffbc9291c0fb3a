import { parseArgs } from 'node:util'
import { Usage } from '#machine/process'
import { credentialOptions, credentials } from './centre.ts'
import { demo } from './demo.ts'
import { explain } from './explain.ts'
import { followers } from './followers.ts'
import { fsck } from './fsck.ts'
import { importDisk } from './import.ts'
import { keys } from './keys.ts'
import { open, shops } from './opening.ts'
import { operator } from './operator.ts'
import { rebuild } from './rebuild.ts'
import { replay } from './replay.ts'
import { store } from './store.ts'

/** The command line. Each command prints for people, and with --json one JSON value a line for programs. */

const help = `tally COMMAND

  demo    [--data ./data] [--ports 4700]          the main job: centre, two tills, phones (npm start)
  open    --centre URL --invitations DIR          the demo's merchant, shops and accounts at a centre that runs
          [--terminal ID=SHOP …]                  elsewhere, and its terminals' invitations as files
  operator password NAME [--data DIR]             a new one-time password where the old one is forgotten; it needs the
                                                  centre's folder, and the centre may run
  operator reinstate NAME [--data DIR]            lets in again who is suspended, where no administrator is left to
  operator role NAME administrator [--data DIR]   gives the role back, where no administrator is left to give it
  replay  --transaction ID                        one tap: every event, check, verdict and posting again
  replay  --account ID [--at TIME] [--known-at N] an account's postings, with the balance after each
  explain balance ACCOUNT [--currency C] [--at TIME] [--known-at N] [--page N|all] [--lines N]
                                                  every posting behind an account's figures, and the sum that proves
                                                  them; exit 1 where it does not
  explain merchant ID, explain ledger NAME        the same of a merchant, or of any account of the ledger
  fsck                                            every chain, hash, verdict and row of a store, checked again;
                                                  exit 0 all holds, 1 something does not, 3 it could not be read
  followers [--centre URL]                        what follows the log, how far each is, which has stopped and why
  followers retry NAME --reason TEXT [--centre]   lets a stopped one try again
  followers skip  NAME --reason TEXT --index N --event ID
                                                  has it pass over that event, now and in every later fold
  rebuild NAME|all [--check] [--account ID]       a projection's rows, or one account's, folded again beside the live
                                                  ones, compared, and put in their place; the centre may run
  keys passphrase --to FILE                       seals the authority's keys under the passphrase in another file
  keys root out  --to FILE --root-passphrase FILE the root's private half into a sealed file of its own, away from the
                                                  centre; in --root FILE puts it back
  keys root unsigned --to FILE [--centre URL]     what was decided of the keys and waits for the root
  keys root sign --root FILE --root-passphrase FILE --from FILE --to FILE
                                                  signs that, on the machine where the root is
  keys root bring --from FILE [--centre URL]      gives what was signed to the centre
  import  DIR --centre URL                        what a dead terminal's folder holds, to the centre, signed with its keys
                                                  as it would have; exit 3 where some of it waits in quarantine
  store info                                      what a log holds, and its root
  store copy    --from ADDRESS --to ADDRESS       a log into another engine, in its order; goes on where it was cut
  store export  --from ADDRESS [--to FILE]        every event's own text as a line of a file
  store import  --from FILE    --to ADDRESS       such a file as a log
  store backup  --to FILE                         a centre that runs, as one file: its log, its keys, what it signed
  store restore --from FILE    --to DIR           such a file as a centre's folder, checked before it is put in place

  --data DIR       the folder that npm start made (default ./data), with log, keys and rows
  --store ADDRESS  a log somewhere else: sqlite:FILE, postgres://… or kurrentdb://…; with --data, that centre's log
  --rows ADDRESS, --heads ADDRESS, --keys DIR   as the back office was told, where they are not in its folder
  --operator NAME, --password-file FILE   who signs in at --centre; npm start keeps the administrator's in its folder
  --keys-passphrase FILE   opens the authority's keys; else TALLYSTICK_KEYS_PASSPHRASE_FILE, or what npm start made
  --passphrase-file FILE   seals a backup, and opens it again
  --rows ADDRESS   a centre's rows somewhere else: sqlite:FILE or postgres://…
  --json           one JSON value a line
`

export const run = async (args: readonly string[]): Promise<void> => {
  const [command, ...rest] = args
  // Whoever reads the first lines only, as `head` does, has seen enough.
  process.stdout.on('error', (error: Error & { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    switch (command) {
      case 'demo': {
        const { values } = parseArgs({
          args: rest,
          options: {
            data: { type: 'string', default: './data' },
            ports: { type: 'string', default: '4700' },
            host: { type: 'string', default: '127.0.0.1' },
          },
        })
        const ports = Number(values.ports)
        if (!Number.isInteger(ports) || ports < 1024 || ports > 65_000)
          throw new Usage(`--ports takes a number from 1024 to 65000, not ${values.ports}.`)
        await demo({ data: values.data, ports, host: values.host })
        return
      }
      case 'open': {
        const { values } = parseArgs({
          args: rest,
          options: {
            centre: { type: 'string' },
            invitations: { type: 'string' },
            terminal: { type: 'string', multiple: true },
            ...credentialOptions,
          },
        })
        const { centre, invitations, terminal } = values
        if (!centre || !invitations) throw new Usage('open takes --centre URL and --invitations DIR.')
        const terminals = terminal ?? Object.entries(shops).map(each => each.join('='))
        await open({ centre, who: credentials(values), invitations, terminals })
        return
      }
      case 'replay':
        process.exitCode = await replay(rest)
        return
      case 'explain':
        process.exitCode = await explain(rest)
        return
      case 'followers':
        process.exitCode = await followers(rest)
        return
      case 'operator':
        process.exitCode = await operator(rest)
        return
      case 'fsck':
        process.exitCode = await fsck(rest)
        return
      case 'rebuild':
        process.exitCode = await rebuild(rest)
        return
      case 'import':
        process.exitCode = await importDisk(rest)
        return
      case 'keys':
        process.exitCode = await keys(rest)
        return
      case 'store':
        process.exitCode = await store(rest)
        return
      default:
        process.stdout.write(help)
        process.exitCode = command === undefined || command === 'help' || command === '--help' ? 0 : 2
    }
  } catch (error) {
    const fault = error as Error & { code?: string }
    process.stderr.write(`${fault.message}\n`)
    if (fault.code === undefined) process.stderr.write(`${fault.stack}\n`)
    process.exitCode = fault.code === 'Usage' || fault.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1
  }
}
