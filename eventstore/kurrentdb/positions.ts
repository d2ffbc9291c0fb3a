/**
 * Where in KurrentDB's log each event lies, in the order of the log: the place in this list is the log index. A
 * position is an offset of octets, so that it grows and counts nothing; 2^53 of them are more than any log has.
 * Eight octets of memory for each event, found by halving.
 */
export type Positions = {
  readonly length: number
  readonly last: number | undefined
  at(index: number): number | undefined
  /** The log index of the event that lies exactly there. */
  indexOf(position: number): number | undefined
  /** Goes on after the last; one that is not behind it is not taken. */
  add(position: number): boolean
}

export const positions = (): Positions => {
  let list = new Float64Array(1024)
  let length = 0
  const at = (index: number): number | undefined => (index < length ? list[index] : undefined)
  return {
    get length() {
      return length
    },
    get last() {
      return length === 0 ? undefined : list[length - 1]
    },
    at,
    indexOf: position => {
      let low = 0
      for (let high = length; low < high; ) {
        const middle = (low + high) >>> 1
        if ((list[middle] as number) < position) low = middle + 1
        else high = middle
      }
      return at(low) === position ? low : undefined
    },
    add: position => {
      if (length > 0 && position <= (list[length - 1] as number)) return false
      if (length === list.length) {
        const longer = new Float64Array(length * 2)
        longer.set(list)
        list = longer
      }
      list[length] = position
      length += 1
      return true
    },
  }
}

/** A page of the list as it is kept in the log itself: the first index, its position, and the steps from there. */
export type PositionPage = { readonly first: number; readonly at: number; readonly steps: readonly number[] }

export const pageOf = (all: Positions, first: number, size: number): PositionPage => {
  const steps: number[] = []
  for (let index = first + 1; index < first + size; index++)
    steps.push((all.at(index) as number) - (all.at(index - 1) as number))
  return { first, at: all.at(first) as number, steps }
}

const placesOf = ({ at, steps }: PositionPage): number[] => {
  const places = [at]
  for (const step of steps) places.push((places.at(-1) as number) + step)
  return places
}

/** Goes on with the page. False where it does not begin where the list ends. */
export const addPage = (all: Positions, page: PositionPage): boolean =>
  page.first === all.length && placesOf(page).every(position => all.add(position))

/** Whether page and list say the same of what both have. */
export const agrees = (all: Positions, page: PositionPage): boolean =>
  placesOf(page).every((position, place) => (all.at(page.first + place) ?? position) === position)
