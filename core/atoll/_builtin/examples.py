"""How the commands about atoll itself, and those of the prompt, are used."""

from atoll._records import Example

EXAMPLES = [
    Example("config", "all settings, and where each comes from"),
    Example("doctor", "goes the way to the cluster step by step"),
    Example("for lr in 0.1 0.01 { run -q --rm --exec 'python train.py $lr' python train.py }"),
    Example("help", "all commands"),
    Example("help vfolder upload"),
    Example("help --man", "the manual page"),
    Example("let work = start -t work python", "keeps what start says: $work.id"),
    Example("plugins", "which are loaded, and why others are not"),
    Example("profile add lab --endpoint https://api.example.com --access-key AKIA…"),
    Example("profile add box --host me@box.example.com", "atoll on another machine, by SSH"),
    Example("profile add shop --endpoint https://cloud.example.com --login", "by e-mail address"),
    Example("profile list"),
    Example("profile remove lab"),
    Example("profile test lab", "is it reached, are the keys good"),
    Example("profile use lab", "from now on, in prompts that are opened later"),
    Example("source train.atoll", "runs the lines of a file here"),
    Example("use lab", "this prompt goes to another cluster"),
    Example("cd results", "files are looked for there"),
    Example("completion bash > ~/.bash_completion"),
    Example("completion fish > ~/.config/fish/completions/atoll.fish"),
    Example("completion zsh > ~/.zfunc/_atoll"),
    Example("exit", "leaves; jobs that run are told of first"),
    Example("history train", "lines that hold a text"),
    Example("jobs", "what runs in the background of this prompt"),
    Example("jobs cancel 2"),
    Example("keys", "the keys of the prompt"),
]
