import classes from './screens.module.css'

/** A major-unit string of the API with its digits grouped: "1234.50" is "1,234.50". Signs are a real minus. */
export const writtenAmount = (major: string): string => {
  const [whole = '0', rest] = major.replace(/^-/, '').split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${major.startsWith('-') ? '−' : ''}${grouped}${rest === undefined ? '' : `.${rest}`}`
}

/** An amount with its currency, in numerals of one width so that columns line up. */
export const Money = ({
  amount,
  currency,
  testId,
}: {
  readonly amount: string
  readonly currency: string
  readonly testId?: string
}) => (
  <span className={classes.money} data-testid={testId}>
    {writtenAmount(amount)} <span className={classes.currency}>{currency}</span>
  </span>
)

/** Several currencies stand under one another: nothing is summed across them. */
export const Monies = ({
  amounts,
  testId,
}: {
  readonly amounts: readonly { readonly amount: string; readonly currency: string }[]
  readonly testId?: string
}) =>
  amounts.length === 0 ? (
    <span data-testid={testId}>none</span>
  ) : (
    <span className={classes.stacked} data-testid={testId}>
      {amounts.map(each => (
        <Money key={each.currency} {...each} />
      ))}
    </span>
  )
