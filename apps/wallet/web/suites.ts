import type { Suite } from './answers.ts'

/** What a suite means to the phone's holder. */
export const suiteWords: Readonly<Record<Suite, string>> = {
  'P256-AUTH': 'Signed and sealed: only the terminal that was tapped can read the payment.',
  'RSA-RECOVERY':
    'For secure elements that have RSA: signed, and readable by whoever listens. The policy must allow it.',
}
