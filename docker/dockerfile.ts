/** What of a Dockerfile our checks look at: its stages, each with its instructions in their order. */

/** `args` is the rest of the line, joined where it goes on over `\`. */
export type Step = { readonly word: string; readonly args: string }
export type Stage = { readonly name: string; readonly from: string; readonly steps: Step[] }

/** Throws where a line is no instruction, where a stage has no name, and at what stands before the first. */
export const readDockerfile = (text: string): Stage[] => {
  const stages: Stage[] = []
  let rest = ''
  for (const [at, raw] of text.split('\n').entries()) {
    const wrong = (why: string) => new Error(`Dockerfile, line ${at + 1}: ${why}`)
    if (/^\s*#/.test(raw) || (rest === '' && raw.trim() === '')) continue
    rest += raw.endsWith('\\') ? `${raw.slice(0, -1)} ` : raw
    if (raw.endsWith('\\')) continue
    const [, word, args] = /^\s*([A-Z]+)\s+(.*?)\s*$/.exec(rest) ?? []
    if (word === undefined || args === undefined) throw wrong(`${rest} is no instruction`)
    rest = ''
    if (word === 'FROM') {
      const [, from, name] = /^(\S+) AS (\S+)$/.exec(args) ?? []
      if (from === undefined || name === undefined) throw wrong(`give the stage of FROM ${args} a name`)
      stages.push({ name, from, steps: [] })
    } else {
      const stage = stages.at(-1)
      if (!stage) throw wrong(`${word} stands before any FROM`)
      stage.steps.push({ word, args })
    }
  }
  return stages
}

/** A stage's steps after those of the stages it is made from. */
export const stepsOf = (stages: readonly Stage[], name: string): Step[] => {
  const stage = stages.find(each => each.name === name)
  return stage === undefined ? [] : [...stepsOf(stages, stage.from), ...stage.steps]
}

/** What the last step of its kind says, which is the one in force. */
export const inForce = (steps: readonly Step[], word: string): string | undefined =>
  steps.findLast(step => step.word === word)?.args

/** A COPY: from which stage (or, without one, the repository), what, and where to. */
export const readCopy = (args: string): { from: string | undefined; what: string[]; to: string } => {
  const from = /--from=(\S+)/.exec(args)?.[1]
  const words = args.split(/\s+/).filter(each => !each.startsWith('--'))
  return { from, what: words.slice(0, -1), to: words.at(-1) ?? '' }
}

/** The health check's command. */
export const healthOf = (steps: readonly Step[]): string[] | undefined => {
  const command = /\bCMD (\[.*\])$/.exec(inForce(steps, 'HEALTHCHECK') ?? '')?.[1]
  return command === undefined ? undefined : (JSON.parse(command) as string[])
}
