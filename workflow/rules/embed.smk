"""A trained detector of the default run -> t-SNE maps of crops, and other crops placed on them."""

TSNE = config["tsne"]
# The run on whose maps place_crops puts crops: for a batch that of its models.
MAP = f"results/{TSNE['map']}" if TSNE["map"] else TRAINED
MAPS = expand("<results>/tsne/{{detector}}/p{perplexity}.csv", perplexity=TSNE["perplexities"])
TSNE_THREADS = min(8, 1 + TSNE["max_native"] // 10_000)  # more wait for each other


rule encode_crops:
    input:
        model=f"{DEFAULT}/models/{{detector}}.pt",
        pack=packed,
        labels="<results>/labels.csv",
        splits=f"{DEFAULT}/splits.csv",
        modules=modules("encode_crops"),
    output:
        components="<results>/tsne/{detector}/components.npz",
        axes="<results>/tsne/{detector}/axes.npz",
    log:
        "<results>/logs/encode_crops/{detector}.log",
    benchmark:
        "<results>/benchmarks/encode_crops/{detector}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: worth
    params:
        train_on=lambda w: DETECTORS[w.detector]["train_on"],
        max_native=TSNE["max_native"],
        seed=TSNE["seed"],
    script:
        "../scripts/encode_crops.py"


rule embed_crops:
    input:
        components="<results>/tsne/{detector}/components.npz",
        modules=modules("embed_crops"),
    output:
        maps=MAPS,
    log:
        "<results>/logs/embed_crops/{detector}.log",
    benchmark:
        "<results>/benchmarks/embed_crops/{detector}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: TSNE_THREADS
    params:
        perplexities=TSNE["perplexities"],
        seed=TSNE["seed"],
    script:
        "../scripts/embed_crops.py"


# Another run's map needs that run's model: its split.seed must be this run's.
rule encode_others:
    input:
        model=f"{DEFAULT}/models/{{detector}}.pt".replace("<results>", MAP),
        axes=f"{MAP}/tsne/{{detector}}/axes.npz",
        mapped=f"{MAP}/tsne/{{detector}}/components.npz",
        pack=packed,
        labels="<results>/labels.csv",
        modules=modules("encode_others"),
    output:
        others="<results>/tsne/{detector}/others.npz",
    log:
        "<results>/logs/encode_others/{detector}.log",
    benchmark:
        "<results>/benchmarks/encode_others/{detector}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: worth
    params:
        own_map=MAP == RESULTS,
    script:
        "../scripts/encode_others.py"


rule place_crops:
    input:
        components=f"{MAP}/tsne/{{detector}}/components.npz",
        embedding=f"{MAP}/tsne/{{detector}}/p{{perplexity}}.csv",
        others="<results>/tsne/{detector}/others.npz",
        modules=modules("place_crops"),
    output:
        placed="<results>/tsne/{detector}/p{perplexity}.placed.csv",
    log:
        "<results>/logs/place_crops/{detector}/p{perplexity}.log",
    benchmark:
        "<results>/benchmarks/place_crops/{detector}/p{perplexity}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: TSNE_THREADS
    params:
        seed=TSNE["seed"],
    script:
        "../scripts/place_crops.py"
