"""A trained detector -> t-SNE of natives and invaders together, and figures of it."""


rule encode_crops:
    input:
        model="<results>/models/{detector}.pt",
        pack=packed("npy"),
        index=packed("csv"),
        splits="<results>/splits.csv",
        modules=modules("encode_crops"),
    output:
        components="<results>/tsne/{detector}/components.npz",
    log:
        "<results>/logs/encode_crops/{detector}.log",
    benchmark:
        "<results>/benchmarks/encode_crops/{detector}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: worth
    params:
        settings=settings,
        max_native=config["tsne"]["max_native"],
        seed=config["tsne"]["seed"],
    script:
        "../scripts/encode_crops.py"


rule embed_crops:
    input:
        components="<results>/tsne/{detector}/components.npz",
        splits="<results>/splits.csv",
        modules=modules("embed_crops"),
    output:
        embedding="<results>/tsne/{detector}/p{perplexity}.csv",
    log:
        "<results>/logs/embed_crops/{detector}/p{perplexity}.log",
    benchmark:
        "<results>/benchmarks/embed_crops/{detector}/p{perplexity}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        seed=config["tsne"]["seed"],
    script:
        "../scripts/embed_crops.py"


rule plot_tsne:
    input:
        embeddings=expand(
            "<results>/tsne/{{detector}}/p{perplexity}.csv",
            perplexity=config["tsne"]["perplexities"],
        ),
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_tsne"),
    output:
        svg=report(
            "<results>/figures/tsne/{detector}/{species}.svg",
            caption="../report/tsne.rst",
            category="4. t-SNE",
            labels={"detector": "{detector}", "species": "{species}"},
        ),
        png="<results>/figures/tsne/{detector}/{species}.png",
    log:
        "<results>/logs/plot_tsne/{detector}/{species}.log",
    wildcard_constraints:
        species="|".join(INVASIVE) or "none",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        species=lambda w: SPECIES[w.species],
    script:
        "../scripts/plot_tsne.py"


rule plot_tsne_labels:
    input:
        embeddings=expand(
            "<results>/tsne/{{detector}}/p{perplexity}.csv",
            perplexity=config["tsne"]["perplexities"],
        ),
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
