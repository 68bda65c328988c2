/** `recsys completion SHELL`: a script that completes commands, flags and their choices. */
import { Argument, Command } from 'commander';
import { UsageError } from '../../util/errors.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

interface Node {
  /** "recsys data list". */
  path: string;
  description: string;
  children: { name: string; description: string }[];
  flags: { name: string; description: string; choices: readonly string[] }[];
}

export function completionCommand(): Command {
  return new Command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action((shell: string, _: unknown, command: Command) => {
      if (command.parent === null) throw new UsageError('completion needs the commands beside it');
      const nodes = [...nodesOf(command.parent, '')];
      process.stdout.write(shell === 'fish' ? fishScript(nodes) : bashScript(nodes, shell === 'zsh'));
    });
}

function* nodesOf(command: Command, above: string): Generator<Node> {
  const path = `${above} ${command.name()}`.trim();
  yield {
    path,
    description: command.description(),
    children: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    flags: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, short, description, argChoices }) => ({
        name: long ?? short ?? '',
        description,
        choices: argChoices ?? [],
      })),
  };
  for (const child of command.commands) yield* nodesOf(child, path);
}

/** zsh runs the script of bash through its bashcompinit. File names complete where nothing else fits. */
function bashScript(nodes: readonly Node[], isZsh: boolean): string {
  const commands = nodes.slice(1).map(({ path }) => `      "${path}") path="${path}" ;;`);
  const words = nodes.map(({ path, children, flags }) => {
    const names = [...children.map(({ name }) => name), ...flags.map(({ name }) => name), '--help'];
    return `    "${path}") words="${names.join(' ')}" ;;`;
  });
  const choices = nodes.flatMap(({ path, flags }) =>
    flags
      .filter((flag) => flag.choices.length > 0)
      .map((flag) => `    "${path} ${flag.name}") words="${flag.choices.join(' ')}" ;;`),
  );
  return `# recsys completion ${isZsh ? 'zsh' : 'bash'}
${isZsh ? 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n' : ''}_recsys() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="recsys" words="" n
  for ((n = 1; n < COMP_CWORD; n++)); do
    case "$path \${COMP_WORDS[n]}" in
${commands.join('\n')}
    esac
  done
  case "$path" in
${words.join('\n')}
  esac
  case "$path $previous" in
${choices.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _recsys recsys
`;
}

function fishScript(nodes: readonly Node[]): string {
  const quote = (text: string) => `'${text.replace(/[\\\\']/g, (own) => `\\\\${own}`)}'`;
  const lines = nodes.flatMap(({ path, children, flags }) => {
    const [, ...names] = path.split(' ');
    const inside = names.map((name) => `__fish_seen_subcommand_from ${name}`);
    const condition = inside.length === 0 ? '__fish_use_subcommand' : inside.join('; and ');
    return [
      ...children.map(
        ({ name, description }) =>
          `complete -c recsys -f -n ${quote(condition)} -a ${name} -d ${quote(description)}`,
      ),
      ...flags.map(({ name, description, choices }) => {
        const values = choices.length === 0 ? '' : ` -x -a ${quote(choices.join(' '))}`;
        return `complete -c recsys -n ${quote(condition)} -l ${name.replace(/^-+/, '')}${values} -d ${quote(description)}`;
      }),
    ];
  });
  return `# recsys completion fish\n${lines.join('\n')}\n`;
}
