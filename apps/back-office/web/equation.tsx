import { Fragment } from 'react'
import { Money, writtenAmount } from '#screens/money'
import type { Balance } from './answers.ts'
import classes from './office.module.css'

/** limit − owed − in dispute − held = available, never clamped: below zero it is said how far over the limit. */
export const Equation = ({ balance }: { readonly balance: Balance }) => {
  const { currency } = balance
  const terms = [
    ['', 'limit', 'Limit', balance.limit],
    ['−', 'owed', 'Owed', balance.owed],
    ['−', 'in-dispute', 'In dispute', balance.inDispute],
    ['−', 'held', 'Held for phones', balance.held],
  ] as const
  const over = balance.available.startsWith('-')
  return (
    <dl className={classes.equation}>
      {terms.map(([sign, name, title, amount]) => (
        <Fragment key={name}>
          {sign !== '' && <Sign sign={sign} />}
          <div className={classes.term}>
            <dt>{title}</dt>
            <dd>
              <Money amount={amount} currency={currency} testId={`balance-${name}`} />
            </dd>
          </div>
        </Fragment>
      ))}
      <Sign sign="=" />
      <div className={`${classes.term} ${classes.total}`}>
        <dt>Available</dt>
        <dd className={over ? classes.over : ''}>
          <Money amount={balance.available} currency={currency} testId="balance-available" />
          {over && (
            <small>
              over limit by {writtenAmount(balance.available.slice(1))} {currency}
            </small>
          )}
        </dd>
      </div>
    </dl>
  )
}

// A list of terms may hold nothing but terms (HTML, 4.4.9), so the sign wears a term's clothes.
const Sign = ({ sign }: { readonly sign: string }) => (
  <div className={classes.sign} aria-hidden>
    <dt>{sign}</dt>
    <dd hidden />
  </div>
)
