/**
 * What a KurrentDB server decides, without its wire: the log, the append matrix with both kinds of idempotency, and
 * deletion. Positions are offsets of octets as in the server: they increase, and they count nothing.
 */
export type ToRecord = {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}
export type Recorded = ToRecord & {
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
  readonly created: Date
}

export type ExpectedState = 'any' | 'no_stream' | 'stream_exists' | bigint

export type Written =
  | { readonly result: 'Success'; readonly revision: bigint; readonly position: bigint | undefined }
  | { readonly result: 'WrongExpectedVersion'; readonly current: bigint }
  | { readonly result: 'StreamDeleted' }
  | { readonly result: 'MaximumAppendSizeExceeded'; readonly max: number }

const tombstoneRevision = 2n ** 63n - 1n
/** The server counts a record's frame and its strings beside the data; what matters is that positions have gaps. */
const frame = 137n

export type KurrentLog = {
  readonly events: readonly Recorded[]
  append(stream: string, expected: ExpectedState, events: readonly ToRecord[]): Written
  /** Soft: hides what is there from reads of the stream; an append makes it visible again after the last revision. */
  remove(stream: string, expected: ExpectedState): Written
  /** Hard, for ever. */
  bury(stream: string, expected: ExpectedState): Written
  of(stream: string): { readonly state: 'there' | 'absent' | 'deleted'; readonly events: readonly Recorded[] }
  /** A restart or another leader: only the leader's memory knows the ids of weak idempotency. */
  forget(): void
  /** An older copy of the log is put in its place: only so many of its first events are left. */
  restore(count: number): void
  watch(wake: () => void): () => void
}

export const kurrentLog = (options: { readonly maxAppendSize: number; readonly now: () => Date }): KurrentLog => {
  const events: Recorded[] = []
  const streams = new Map<string, Recorded[]>()
  const hiddenBefore = new Map<string, bigint>()
  const softly = new Set<string>()
  const buried = new Set<string>()
  let recent = new Map<string, Recorded>()
  const watchers = new Set<() => void>()
  let end = 0n

  const record = (stream: string, revision: bigint, added: ToRecord): Recorded => {
    const recorded = { ...added, stream, revision, position: end, created: options.now() }
    end += frame + BigInt(stream.length + added.type.length + added.data.length + added.metadata.length)
    const held = streams.get(stream) ?? []
    held.push(recorded)
    streams.set(stream, held)
    events.push(recorded)
    recent.set(`${stream} ${added.id}`, recorded)
    return recorded
  }
  const wake = () => {
    for (const each of [...watchers]) each()
  }
  const currentOf = (stream: string): bigint => streams.get(stream)?.at(-1)?.revision ?? -1n
  const success = ({ revision, position }: Recorded): Written => ({ result: 'Success', revision, position })

  /** What is refused, what was written before, or undefined: to be written. */
  const check = (stream: string, expected: ExpectedState, added: readonly ToRecord[]): Written | undefined => {
    const current = currentOf(stream)
    const wrong: Written = { result: 'WrongExpectedVersion', current }
    if (buried.has(stream)) return { result: 'StreamDeleted' }
    if (expected === 'any' || expected === 'stream_exists') {
      if (expected === 'stream_exists' && softly.has(stream)) return { result: 'StreamDeleted' }
      if (expected === 'stream_exists' && current === -1n) return wrong
      const known = added.map(({ id }) => recent.get(`${stream} ${id}`))
      if (known[0] === undefined) return undefined
      return known.every(each => each !== undefined) ? success(known.at(-1) as Recorded) : wrong
    }
    const after = expected === 'no_stream' ? -1n : expected
    // At the current revision duplicates are not looked for: the same id may be written again.
    if (after === current || (expected === 'no_stream' && softly.has(stream))) return undefined
    if (after > current) return wrong
    const held = added.map((_, place) => streams.get(stream)?.[Number(after) + 1 + place])
    const all = added.length > 0 && added.every(({ id }, place) => held[place]?.id === id)
    return all ? success(held.at(-1) as Recorded) : wrong
  }

  const append: KurrentLog['append'] = (stream, expected, added) => {
    const size = added.reduce((sum, { type, data, metadata }) => sum + type.length + data.length + metadata.length, 0)
    if (size > options.maxAppendSize) return { result: 'MaximumAppendSizeExceeded', max: options.maxAppendSize }
    const checked = check(stream, expected, added)
    if (checked) return checked
    if (softly.delete(stream)) hiddenBefore.set(stream, currentOf(stream) + 1n)
    let revision = currentOf(stream)
    let position: bigint | undefined
    for (const each of added) {
      revision += 1n
      ;({ position } = record(stream, revision, each))
    }
    wake()
    return { result: 'Success', revision, position }
  }

  const nothing = { data: new Uint8Array(), metadata: new Uint8Array(), contentType: 'application/json' }
  return {
    events,
    append,
    remove: (stream, expected) => {
      const checked = check(stream, expected, [])
      if (checked) return checked
      softly.add(stream)
      const data = new TextEncoder().encode(`{"$tb":${tombstoneRevision}}`)
      const type = '$metadata'
      const written = record(`$$${stream}`, currentOf(`$$${stream}`) + 1n, {
        ...nothing,
        data,
        type,
        id: crypto.randomUUID(),
      })
      wake()
      return success(written)
    },
    bury: (stream, expected) => {
      const checked = check(stream, expected, [])
      if (checked) return checked
      const type = '$streamDeleted'
      const written = record(stream, tombstoneRevision, { ...nothing, type, id: crypto.randomUUID() })
      buried.add(stream)
      wake()
      return success(written)
    },
    of: stream => {
      if (buried.has(stream)) return { state: 'deleted', events: [] }
      const from = hiddenBefore.get(stream) ?? 0n
      const held = softly.has(stream) ? [] : (streams.get(stream) ?? []).filter(({ revision }) => revision >= from)
      return { state: held.length === 0 ? 'absent' : 'there', events: held }
    },
    forget: () => {
      recent = new Map()
    },
    restore: count => {
      const [next] = events.splice(count)
      if (next) end = next.position
      streams.clear()
      for (const event of events) streams.set(event.stream, [...(streams.get(event.stream) ?? []), event])
      recent = new Map()
    },
    watch: one => {
      watchers.add(one)
      return () => watchers.delete(one)
    },
  }
}
