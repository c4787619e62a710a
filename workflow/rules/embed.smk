"""A trained detector of the default run -> t-SNE maps of crops, and other crops placed on them."""

TSNE = config["tsne"]
MAP = f"results/{TSNE['map'] or config['name']}"  # the run on whose maps place_crops puts crops
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
        MAPS,
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


rule plot_tsne:
    input:
        embeddings=MAPS,
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_tsne"),
    output:
        svg=[
            report(
                f"<results>/figures/tsne/{{detector}}/{slug}.svg",
                caption="../report/tsne.rst",
                category="4. t-SNE",
                labels={"detector": "{detector}", "species": slug},
            )
            for slug in INVASIVE
        ],
        png=expand("<results>/figures/tsne/{{detector}}/{species}.png", species=INVASIVE),
    log:
        "<results>/logs/plot_tsne/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        species=list(INVASIVE.values()),
    script:
        "../scripts/plot_tsne.py"


rule plot_tsne_labels:
    input:
        embeddings=MAPS,
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_tsne_labels"),
    output:
        svg=report(
            "<results>/figures/tsne_labels/{detector}.svg",
            caption="../report/tsne_labels.rst",
            category="4. t-SNE",
            labels={"detector": "{detector}", "species": "all, by high-level label"},
        ),
        png="<results>/figures/tsne_labels/{detector}.png",
    log:
        "<results>/logs/plot_tsne_labels/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        high_level=config["labels"]["high_level"],
    script:
        "../scripts/plot_tsne_labels.py"
