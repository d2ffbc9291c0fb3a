import { z } from 'zod'
import { isCurrency, isMinorUnits } from './money.ts'

/** Fields of events. They stand apart from `#money`, which pages load: a page needs no schema. */

/** Minor units as a decimal string. */
export const minor = z.string().refine(isMinorUnits, 'not a decimal string of minor units')
/** ISO 4217 alphabetic code. */
export const currency = z.string().refine(isCurrency, 'not a currency known here')
