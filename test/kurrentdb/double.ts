import { once } from 'node:events'
import {
  type handleClientStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { GossipService } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_grpc_pb.js'
import gossip from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js'
import { ServerFeaturesService } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_grpc_pb.js'
import features from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js'
import type { Empty } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js'
import { StreamsService } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_grpc_pb.js'
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
import { type KurrentLog, kurrentLog, type ToRecord, type Written } from './log.ts'
import * as wire from './wire.ts'

/** What becomes of one append: whether it is written, and what its client hears of it. */
export type Fault = {
  readonly written: 'yes' | 'no' | 'late'
  /** `busy`, `timeout` and `unknown` are the server's own words; `broken` ends the call as a lost connection does. */
  readonly heard: 'answer' | 'nothing' | 'busy' | 'timeout' | 'unknown' | 'broken'
  /** This node leads from then on. */
  readonly leader?: number
}
export type Call = 'features' | 'append' | 'batchAppend' | 'read' | 'subscribe' | 'gossip'

export type KurrentDouble = {
  /** A connection string that names every node. */
  readonly url: string
  readonly log: KurrentLog
  readonly asked: Readonly<Record<Call, number>>
  /** How many events went out, in reads and subscriptions. */
  sent(): number
  /** One for each append to come. */
  readonly faults: Fault[]
  /** Calls of these kinds are taken and never answered. */
  readonly mute: Set<Call>
  /** So many reads to come end as a lost connection does. */
  breakReads(count: number): void
  lead(node: number): void
  /** Ends every subscription that is open, as a lost connection does; says how many there were. */
  cut(): number
  /** The subscriptions that are open now stay open, and nothing comes through them any more. */
  silence(): void
  stop(node: number): void
  start(node: number): Promise<void>
  close(): void
}

const host = '127.0.0.1'
const lateBy_ms = 400

const failed = (code: status, details: string, said: Record<string, string> = {}): ServiceError => {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(said)) metadata.set(key, value)
  return Object.assign(new Error(details), { code, details, metadata })
}
const broken = () => failed(status.UNAVAILABLE, 'Connection reset')

/**
 * A KurrentDB cluster for tests, as the client sees it: the real wire on real sockets, over one log in memory. Each
 * node knows who leads; what a follower is asked for as a leader, it refuses with the leader's address.
 */
export const kurrentDouble = async (
  options: {
    readonly nodes?: 1 | 3
    /** False as a server has it that is too old for BatchAppend: the client then makes a call for each append. */
    readonly batches?: boolean
    readonly maxAppendSize?: number
    /** How far the server's clock is ahead of ours. */
    readonly clockAhead_ms?: number
  } = {},
): Promise<KurrentDouble> => {
  const { nodes = 1, batches = true, maxAppendSize = 256 * 1024 * 1024, clockAhead_ms = 0 } = options
  const now = () => new Date(Date.now() + clockAhead_ms)
  const log = kurrentLog({ maxAppendSize, now })
  // A server is never empty: its own events stand between and before the user's.
  const own = (stream: string, type: string) =>
    log.append(stream, 'any', [
      {
        id: crypto.randomUUID(),
        type,
        contentType: 'application/json',
        data: Buffer.from('{}'),
        metadata: Buffer.of(),
      },
    ])
  own('$users', '$User')
  own('$connectors/manager', 'ConnectorStarted')

  const asked: Record<Call, number> = { features: 0, append: 0, batchAppend: 0, read: 0, subscribe: 0, gossip: 0 }
  const faults: Fault[] = []
  const mute = new Set<Call>()
  const subscriptions = new Set<() => void>()
  let readsToBreak = 0
  let sent = 0
  let silent = new Set<() => void>()
  let leader = 0
  const ports: number[] = []
  const servers: (Server | undefined)[] = []

  const lead = (node: number) => {
    leader = node
    log.forget()
  }
  const notLeader = () =>
    failed(status.NOT_FOUND, 'Leader info available', {
      exception: 'not-leader',
      'leader-endpoint-host': host,
      'leader-endpoint-port': String(ports[leader]),
    })
  const refusedAsLeader = (node: number, metadata: Metadata): boolean =>
    node !== leader && metadata.get('requires-leader')[0] === 'true'

  /** Writes as the fault says; what is left is what the client hears. */
  const write = (stream: string, expected: Parameters<KurrentLog['append']>[1], events: readonly ToRecord[]) => {
    const fault: Fault = faults.shift() ?? { written: 'yes', heard: 'answer' }
    const commit = (): Written => log.append(stream, expected, events)
    const written = fault.written === 'yes' ? commit() : undefined
    if (fault.written === 'late') setTimeout(commit, lateBy_ms)
    if (fault.leader !== undefined) lead(fault.leader)
    return { written, heard: fault.heard }
  }

  const batchAppend = (node: number) => (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>) => {
    asked.batchAppend += 1
    const parts = new Map<string, { options: BatchAppendReq.Options; events: ToRecord[] }>()
    call.on('data', (request: BatchAppendReq) => {
      const correlation = wire.uuidText(request.getCorrelationId())
      const options = request.getOptions() ?? parts.get(correlation)?.options
      if (options === undefined) return
      const part = parts.get(correlation) ?? { options, events: [] }
      parts.set(correlation, part)
      part.events.push(...request.getProposedMessagesList().map(wire.proposed))
      if (!request.getIsFinal()) return
      parts.delete(correlation)
      asked.append += 1
      if (mute.has('append')) return
      // The server answers one refused for its leader by ending the whole call, with all appends that are in it.
      if (refusedAsLeader(node, call.metadata)) return void call.emit('error', notLeader())
      const stream = wire.nameOf(options.getStreamIdentifier())
      if (wire.isOver(options, now())) return void call.write(wire.batchAnswer(correlation, stream, options, 'timeout'))
      const { written, heard } = write(stream, wire.batchExpected(options), part.events)
      if (heard === 'broken') return void call.emit('error', broken())
      if (heard === 'nothing') return
      call.write(wire.batchAnswer(correlation, stream, options, heard === 'answer' ? written : heard))
    })
    call.on('end', () => call.end())
    call.on('error', () => {})
  }

  const append =
    (node: number): handleClientStreamingCall<AppendReq, AppendResp> =>
    (call, answer) => {
      let options: AppendReq.Options | undefined
      const events: ToRecord[] = []
      call.on('data', (request: AppendReq) => {
        options ??= request.getOptions()
        const message = request.getProposedMessage()
        if (message) events.push(wire.proposed(message))
      })
      call.on('error', () => {})
      call.on('end', () => {
        asked.append += 1
        if (mute.has('append') || options === undefined) return
        if (refusedAsLeader(node, call.metadata)) return answer(notLeader())
        const stream = wire.nameOf(options.getStreamIdentifier())
        const { written, heard } = write(stream, wire.appendExpected(options), events)
        if (heard === 'nothing') return
        if (heard === 'broken') return answer(broken())
        if (heard === 'busy') return answer(failed(status.UNAVAILABLE, 'Server Is Too Busy'))
        if (heard === 'timeout') return answer(failed(status.ABORTED, 'Operation timed out: CommitTimeout'))
        if (heard === 'unknown' || written === undefined) return answer(failed(status.UNKNOWN, 'Unexpected result'))
        if (written.result === 'StreamDeleted')
          return answer(
            failed(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
              exception: 'stream-deleted',
              'stream-name': stream,
            }),
          )
        if (written.result === 'MaximumAppendSizeExceeded')
          return answer(
            failed(status.INVALID_ARGUMENT, 'Maximum Append Size Exceeded.', {
              exception: 'maximum-append-size-exceeded',
              'maximum-append-size': String(written.max),
            }),
          )
        answer(null, wire.appendAnswer(options, written))
      })
    }

  const read = (node: number) => async (call: ServerWritableStream<ReadReq, ReadResp>) => {
    const asks = wire.readAsked(call.request)
    const kind = asks.live ? 'subscribe' : 'read'
    asked[kind] += 1
    call.on('error', () => {})
    if (mute.has(kind)) return
    if (refusedAsLeader(node, call.metadata)) return void call.emit('error', notLeader())
    if (!asks.live && readsToBreak > 0) {
      readsToBreak -= 1
      return void call.emit('error', broken())
    }
    const send = async (response: ReadResp) => {
      if (response.hasEvent()) sent += 1
      if (!call.write(response)) await once(call, 'drain')
    }
    if (asks.stream !== undefined && log.of(asks.stream).state === 'deleted')
      return void call.emit(
        'error',
        failed(status.FAILED_PRECONDITION, `Event stream '${asks.stream}' is deleted.`, {
          exception: 'stream-deleted',
          'stream-name': asks.stream,
        }),
      )
    if (!asks.live) {
      if (asks.stream !== undefined && log.of(asks.stream).state === 'absent') await send(wire.notFound(asks.stream))
      for (const event of wire.chosen(log, asks)) await send(wire.eventRead(event, asks))
      call.end()
      return
    }
    const end = () => call.emit('error', broken())
    subscriptions.add(end)
    let wake = () => {}
    const unwatch = log.watch(() => wake())
    call.on('cancelled', () => {
      subscriptions.delete(end)
      wake()
    })
    await send(wire.confirmed())
    let after = asks.after
    while (!call.cancelled && subscriptions.has(end)) {
      const news = new Promise<void>(resolve => {
        wake = resolve
      })
      const live = !silent.has(end)
      for (const event of live ? wire.chosen(log, { ...asks, after }) : []) {
        after = event.position
        await send(wire.eventRead(event, asks))
      }
      if (live) await send(wire.caughtUp(after))
      await news
    }
    unwatch()
  }

  const removal =
    (node: number, act: KurrentLog['remove']): handleUnaryCall<DeleteReq | TombstoneReq, DeleteResp | TombstoneResp> =>
    (call, answer) => {
      const options = call.request.getOptions()
      if (options === undefined) return answer(failed(status.INVALID_ARGUMENT, 'no options'))
      if (refusedAsLeader(node, call.metadata)) return answer(notLeader())
      const written = act(wire.nameOf(options.getStreamIdentifier()), wire.appendExpected(options))
      if (written.result !== 'Success') return answer(failed(status.FAILED_PRECONDITION, written.result))
      answer(null, wire.removed(call.request, written.position ?? 0n))
    }

  const start = async (node: number) => {
    const server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 })
    server.addService(StreamsService, {
      read: (call: ServerWritableStream<ReadReq, ReadResp>) => void read(node)(call),
      append: append(node),
      batchAppend: batchAppend(node),
      delete: removal(node, log.remove),
      tombstone: removal(node, log.bury),
    })
    const members: handleUnaryCall<Empty, gossip.ClusterInfo> = (_, answer) => {
      asked.gossip += 1
      if (mute.has('gossip')) return
      answer(
        null,
        wire.members(
          ports.map((port, each) => ({ host, port, leads: each === leader, alive: servers[each] !== undefined })),
        ),
      )
    }
    server.addService(GossipService, { read: members })
    const supported: handleUnaryCall<Empty, features.SupportedMethods> = (_, answer) => {
      asked.features += 1
      if (!mute.has('features')) answer(null, wire.supported(batches))
    }
    server.addService(ServerFeaturesService, { getSupportedMethods: supported })
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${host}:${ports[node] ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    )
    ports[node] = port
    servers[node] = server
  }
  for (let node = 0; node < nodes; node++) await start(node)

  const stop = (node: number) => {
    servers[node]?.forceShutdown()
    servers[node] = undefined
  }
  return {
    url: `kurrentdb://${ports.map(port => `${host}:${port}`).join(',')}?tls=false`,
    log,
    asked,
    sent: () => sent,
    faults,
    mute,
    breakReads: count => {
      readsToBreak = count
    },
    lead,
    cut: () => {
      const open = [...subscriptions]
      subscriptions.clear()
      for (const end of open) end()
      return open.length
    },
    silence: () => {
      silent = new Set([...silent, ...subscriptions])
    },
    stop,
    start,
    close: () => {
      for (const node of servers.keys()) stop(node)
    },
  }
}
