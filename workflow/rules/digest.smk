"""The queue and its page -> a message to the addresses in STOWAWAY_DIGEST, asked for by name.

The addresses hold secrets, so that they come from the environment alone: what is a param, a config
key or an output would be written down. The state is a store of the script.
"""


rule send_digest:
    input:
        queue="<results>/queue.csv",
        explanations="<results>/explanations.npz",
        page="<results>/queue.html",
        modules=modules("send_digest"),
    log:
        "<results>/logs/send_digest.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        state=f"{RESULTS}/digest.json",
        batch=config["name"],
    script:
        "../scripts/send_digest.py"
