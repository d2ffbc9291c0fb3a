import gossip from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js'
import features from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js'
import type { StreamIdentifier, UUID } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js'
import shared from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js'
import rpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/status_pb.js'
import type {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  BatchAppendResp,
  DeleteReq,
  DeleteResp,
  ReadReq,
  ReadResp,
  TombstoneReq,
  TombstoneResp,
} from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js'
import pb from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js'
import type { Any } from 'google-protobuf/google/protobuf/any_pb.js'
import anys from 'google-protobuf/google/protobuf/any_pb.js'
import empties from 'google-protobuf/google/protobuf/empty_pb.js'
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js'
import type { ExpectedState, KurrentLog, Recorded, ToRecord, Written } from './log.ts'

/** The messages of KurrentDB's protocol, in and out; the classes are those that the client itself ships. */

const text = (octets: Uint8Array): string => Buffer.from(octets).toString('utf8')
const octets = (name: string): Uint8Array => new Uint8Array(Buffer.from(name))

export const nameOf = (identifier: StreamIdentifier | undefined): string =>
  text(identifier?.getStreamName_asU8() ?? new Uint8Array())
const identifier = (name: string): StreamIdentifier => new shared.StreamIdentifier().setStreamName(octets(name))

const unsigned = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0')
export const uuidText = (uuid: UUID | undefined): string => {
  const structured = uuid?.getStructured()
  if (structured === undefined) return uuid?.getString() ?? ''
  const hex = unsigned(structured.getMostSignificantBits()) + unsigned(structured.getLeastSignificantBits())
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
const uuid = (id: string, structured = false): UUID => {
  if (!structured) return new shared.UUID().setString(id)
  const hex = id.replaceAll('-', '')
  const half = (from: number) => BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`)).toString()
  return new shared.UUID().setStructured(
    new shared.UUID.Structured().setMostSignificantBits(half(0)).setLeastSignificantBits(half(16)),
  )
}

export const proposed = (message: AppendReq.ProposedMessage | BatchAppendReq.ProposedMessage): ToRecord => ({
  id: uuidText(message.getId()),
  type: message.getMetadataMap().get('type') ?? '',
  contentType: message.getMetadataMap().get('content-type') ?? '',
  data: message.getData_asU8(),
  metadata: message.getCustomMetadata_asU8(),
})

type Asked = AppendReq.Options | DeleteReq.Options | TombstoneReq.Options
export const appendExpected = (options: Asked): ExpectedState => {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  return options.hasRevision() ? BigInt(options.getRevision()) : 'any'
}
export const batchExpected = (options: BatchAppendReq.Options): ExpectedState => {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  return options.hasStreamPosition() ? BigInt(options.getStreamPosition()) : 'any'
}

/** The client sends an instant of its own clock, and the server looks at its own. */
export const isOver = (options: BatchAppendReq.Options, now: Date): boolean => {
  const deadline = options.getDeadline21100()?.toDate()
  return deadline !== undefined && deadline <= now
}

/** Details without a type that the client knows are what the server says of itself when it is busy. */
const details = (type: string, message: { serializeBinary(): Uint8Array }): Any => {
  const any = new anys.Any()
  any.pack(message.serializeBinary(), type)
  return any
}

const wrong = (options: BatchAppendReq.Options, current: bigint): Any => {
  const message = new shared.WrongExpectedVersion()
  if (current < 0n) message.setCurrentNoStream(new empties.Empty())
  else message.setCurrentStreamRevision(String(current))
  const expected = batchExpected(options)
  if (expected === 'any') message.setExpectedAny(new empties.Empty())
  else if (expected === 'no_stream') message.setExpectedNoStream(new empties.Empty())
  else if (expected === 'stream_exists') message.setExpectedStreamExists(new empties.Empty())
  else message.setExpectedStreamPosition(String(expected))
  return details('event_store.client.WrongExpectedVersion', message)
}

const batchError = (options: BatchAppendReq.Options, answer: Written | 'busy' | 'timeout' | 'unknown' | undefined) => {
  if (answer === 'busy')
    return new rpc.Status()
      .setMessage('Server Is Busy')
      .setDetails(details('google.protobuf.Empty', new empties.Empty()))
  if (answer === 'timeout')
    return new rpc.Status().setDetails(details('event_store.client.Timeout', new shared.Timeout()))
  if (answer === 'unknown' || answer === undefined || answer.result === 'Success')
    return new rpc.Status().setDetails(details('event_store.client.Unknown', new shared.Unknown()))
  if (answer.result === 'WrongExpectedVersion') return new rpc.Status().setDetails(wrong(options, answer.current))
  if (answer.result === 'StreamDeleted')
    return new rpc.Status().setDetails(details('event_store.client.StreamDeleted', new shared.StreamDeleted()))
  const exceeded = new shared.MaximumAppendSizeExceeded().setMaxappendsize(answer.max)
  return new rpc.Status().setDetails(details('event_store.client.MaximumAppendSizeExceeded', exceeded))
}

export const batchAnswer = (
  correlation: string,
  stream: string,
  options: BatchAppendReq.Options,
  answer: Written | 'busy' | 'timeout' | 'unknown' | undefined,
): BatchAppendResp => {
  const response = new pb.BatchAppendResp().setCorrelationId(uuid(correlation)).setStreamIdentifier(identifier(stream))
  if (typeof answer !== 'object' || answer.result !== 'Success') return response.setError(batchError(options, answer))
  const success = new pb.BatchAppendResp.Success().setCurrentRevision(String(answer.revision))
  if (answer.position === undefined) success.setNoPosition(new empties.Empty())
  else
    success.setPosition(
      new shared.AllStreamPosition()
        .setCommitPosition(String(answer.position))
        .setPreparePosition(String(answer.position)),
    )
  return response.setSuccess(success)
}

export const appendAnswer = (
  options: AppendReq.Options,
  written: Extract<Written, { result: 'Success' | 'WrongExpectedVersion' }>,
): AppendResp => {
  const response = new pb.AppendResp()
  if (written.result === 'Success') {
    const success = new pb.AppendResp.Success().setCurrentRevision(String(written.revision))
    if (written.position === undefined) success.setNoPosition(new shared.Empty())
    else
      success.setPosition(
        new pb.AppendResp.Position()
          .setCommitPosition(String(written.position))
          .setPreparePosition(String(written.position)),
      )
    return response.setSuccess(success)
  }
  const wrong = new pb.AppendResp.WrongExpectedVersion()
  if (written.current < 0n) wrong.setCurrentNoStream(new shared.Empty())
  else wrong.setCurrentRevision(String(written.current))
  const expected = appendExpected(options)
  if (expected === 'any') wrong.setExpectedAny(new shared.Empty())
  else if (expected === 'no_stream') wrong.setExpectedNoStream(new shared.Empty())
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new shared.Empty())
  else wrong.setExpectedRevision(String(expected))
  return response.setWrongExpectedVersion(wrong)
}

export const removed = (request: DeleteReq | TombstoneReq, position: bigint): DeleteResp | TombstoneResp => {
  if (request instanceof pb.DeleteReq) {
    const at = new pb.DeleteResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position))
    return new pb.DeleteResp().setPosition(at)
  }
  const at = new pb.TombstoneResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position))
  return new pb.TombstoneResp().setPosition(at)
}

export type ReadAsked = {
  readonly stream: string | undefined
  readonly live: boolean
  readonly backward: boolean
  readonly count: number
  readonly structured: boolean
  /** Where a read begins: a revision or a position. */
  readonly from: bigint | 'start' | 'end'
  /** What a subscription has seen already. */
  readonly after: bigint
  readonly wants: (event: Recorded) => boolean
}

const wantsOf = (options: ReadReq.Options): ReadAsked['wants'] => {
  const filter = options.getFilter()
  if (filter === undefined) return () => true
  const ofType = filter.getEventType()
  const expression = ofType ?? filter.getStreamIdentifier()
  const of = (event: Recorded) => (ofType ? event.type : event.stream)
  const prefixes = expression?.getPrefixList() ?? []
  if (prefixes.length > 0) return event => prefixes.some(prefix => of(event).startsWith(prefix))
  const pattern = new RegExp(expression?.getRegex() ?? '', 'u')
  return event => pattern.test(of(event))
}

export const readAsked = (request: ReadReq): ReadAsked => {
  const options = request.getOptions() ?? new pb.ReadReq.Options()
  const stream = options.getStream()
  const all = options.getAll()
  const exact = stream?.hasRevision()
    ? BigInt(stream.getRevision())
    : all?.hasPosition()
      ? BigInt(all.getPosition()?.getCommitPosition() ?? 0)
      : undefined
  const from = exact ?? (stream?.hasEnd() || all?.hasEnd() ? 'end' : 'start')
  return {
    stream: stream && nameOf(stream.getStreamIdentifier()),
    live: options.hasSubscription(),
    backward: options.getReadDirection() === pb.ReadReq.Options.ReadDirection.BACKWARDS,
    count: options.hasCount() ? Number(options.getCount()) : Number.POSITIVE_INFINITY,
    structured: options.getUuidOption()?.hasStructured() ?? false,
    from,
    after: exact ?? (from === 'end' ? BigInt(Number.MAX_SAFE_INTEGER) : -1n),
    wants: wantsOf(options),
  }
}

/** The events that a read or a subscription gets, in their order. What is written meanwhile is not among them. */
export const chosen = (log: KurrentLog, asks: ReadAsked): Recorded[] => {
  const { stream, live, backward, count, from, after, wants } = asks
  const all = stream === undefined ? log.events : log.of(stream).events
  const place = ({ revision, position }: Recorded) => (stream === undefined ? position : revision)
  // Searched from the end, where live readers are: a whole log is not looked through for each new event.
  let first = all.length
  if (live) while (first > 0 && place(all[first - 1] as Recorded) > after) first--
  else if (from === 'start') first = 0
  else if (from !== 'end') while (first > 0 && place(all[first - 1] as Recorded) >= from) first--
  if (!backward) {
    const found: Recorded[] = []
    for (let at = first; at < all.length && found.length < count; at++)
      if (wants(all[at] as Recorded)) found.push(all[at] as Recorded)
    return found
  }
  const found: Recorded[] = []
  // Of a stream, the event at the revision is the first that is read backward; of $all it is left out.
  const isAt =
    stream !== undefined && first < all.length && (from === 'start' || place(all[first] as Recorded) === from)
  for (let at = (from === 'end' ? all.length : first) - (isAt ? 0 : 1); at >= 0 && found.length < count; at--)
    if (wants(all[at] as Recorded)) found.push(all[at] as Recorded)
  return found
}

const ticksPerMillisecond = 10_000n
export const eventRead = (event: Recorded, { structured }: ReadAsked): ReadResp => {
  const recorded = new pb.ReadResp.ReadEvent.RecordedEvent()
    .setId(uuid(event.id, structured))
    .setStreamIdentifier(identifier(event.stream))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(String(event.position))
    .setPreparePosition(String(event.position))
    .setData(event.data)
    .setCustomMetadata(event.metadata)
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('content-type', event.contentType)
    .set('created', String(BigInt(event.created.getTime()) * ticksPerMillisecond))
  return new pb.ReadResp().setEvent(
    new pb.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(String(event.position)),
  )
}

export const notFound = (stream: string): ReadResp =>
  new pb.ReadResp().setStreamNotFound(new pb.ReadResp.StreamNotFound().setStreamIdentifier(identifier(stream)))
export const confirmed = (): ReadResp =>
  new pb.ReadResp().setConfirmation(new pb.ReadResp.SubscriptionConfirmation().setSubscriptionId(crypto.randomUUID()))
export const caughtUp = (position: bigint): ReadResp => {
  const said = new pb.ReadResp.CaughtUp().setTimestamp(timestamps.Timestamp.fromDate(new Date()))
  if (position >= 0n)
    said.setPosition(
      new pb.ReadResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position)),
    )
  return new pb.ReadResp().setCaughtUp(said)
}

export const members = (
  nodes: readonly { readonly host: string; readonly port: number; readonly leads: boolean; readonly alive: boolean }[],
): gossip.ClusterInfo =>
  new gossip.ClusterInfo().setMembersList(
    nodes.map(({ host, port, leads, alive }) =>
      new gossip.MemberInfo()
        .setInstanceId(uuid(crypto.randomUUID()))
        .setTimeStamp(String(Date.now()))
        .setState(leads ? gossip.MemberInfo.VNodeState.LEADER : gossip.MemberInfo.VNodeState.FOLLOWER)
        .setIsAlive(alive)
        .setHttpEndPoint(new gossip.EndPoint().setAddress(host).setPort(port)),
    ),
  )

export const supported = (batches: boolean): features.SupportedMethods => {
  const streams = 'event_store.client.streams.streams'
  const names = ['read', 'append', 'delete', 'tombstone', ...(batches ? ['batchappend'] : [])]
  return new features.SupportedMethods().setEventStoreServerVersion('26.1.0').setMethodsList(
    names.map(name =>
      new features.SupportedMethod()
        .setServiceName(streams)
        .setMethodName(name)
        .setFeaturesList(
          name === 'read' ? ['position', 'events'] : name === 'batchappend' ? ['deadline_duration'] : [],
        ),
    ),
  )
}
