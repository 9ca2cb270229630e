"""What others do with the vectors of `scale`. Runs without Recuerda, so also in an environment of mem0's.

    python scale_rivals.py one_collection|mem0 FOLDER

FOLDER holds vectors.npy, owners.npy (a customer's number for each vector), queries.npy and asked.npy (whose
history each query is about). Fills the store, says so, waits for a line, asks, and prints what it measured as
JSON.
"""

# mypy: ignore-errors

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["MEM0_TELEMETRY"] = "False"
os.environ["ANONYMIZED_TELEMETRY"] = "False"
os.environ.setdefault("OPENAI_API_KEY", "unused")  # mem0 makes a client it never calls with infer=False

import numpy as np

BATCH = 5000
FILLED = "filled\n"


def one_collection(store, flat, owners):
    """The usual way: one collection, Chroma's defaults, the customer as a metadata filter."""
    import chromadb

    client = chromadb.PersistentClient(store, settings=chromadb.config.Settings(anonymized_telemetry=False))
    collection = client.get_or_create_collection(
        "all", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    for start in range(0, len(flat), BATCH):
        part = slice(start, start + BATCH)
        collection.add(
            ids=[str(n) for n in range(start, min(start + BATCH, len(flat)))],
            embeddings=flat[part],
            metadatas=[{"customer": int(n)} for n in owners[part]],
        )

    def query(number, vector, customer):
        found = collection.query(
            query_embeddings=[vector], n_results=10, where={"customer": int(customer)}, include=[]
        )
        return [int(id) for id in found["ids"][0]]

    return query


def mem0(store, flat, owners):
    """mem0 over embedded Chroma as its documentation has it, `infer=False`: no model takes part."""
    from langchain_core.embeddings import Embeddings
    from mem0 import Memory

    asked = {}

    class Known(Embeddings):
        """A memory's text is its number; a query's is `q` and its number."""

        def embed_documents(self, texts):
            return [self.embed_query(text) for text in texts]

        def embed_query(self, text):
            return (asked[text] if text in asked else flat[int(text)]).tolist()

    memory = Memory.from_config(
        {
            "embedder": {
                "provider": "langchain",
                "config": {"model": Known(), "embedding_dims": flat.shape[1]},
            },
            "vector_store": {"provider": "chroma", "config": {"collection_name": "all", "path": store}},
            "history_db_path": f"{store}/history.db",
        }
    )
    for number, owner in enumerate(owners):
        memory.add(str(number), user_id=f"c{owner}", metadata={"number": number}, infer=False)

    def query(number, vector, customer):
        asked[f"q{number}"] = vector
        found = memory.search(f"q{number}", filters={"user_id": f"c{customer}"}, top_k=10, threshold=0.0)
        return [hit["metadata"]["number"] for hit in found["results"]]

    return query


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    flat, owners, queries, whose = (
        np.load(folder / f"{part}.npy") for part in ("vectors", "owners", "queries", "asked")
    )
    times, recalls, started = [], [], time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as store:
        query = {"one_collection": one_collection, "mem0": mem0}[name](store, flat, owners)
        built = time.perf_counter() - started
        print(FILLED, end="", flush=True)
        sys.stdin.readline()
        for number, (vector, customer) in enumerate(zip(queries, whose, strict=True)):
            at = time.perf_counter()
            found = query(number, vector, customer)
            times.append(time.perf_counter() - at)
            mine = np.flatnonzero(owners == customer)
            best = mine[np.argsort(-(flat[mine] @ vector))[:10]]
            recalls.append(len(set(found) & set(best.tolist())) / len(best))
    quantiles = {f"p{q}": round(float(np.percentile(times, q)) * 1000, 2) for q in (50, 95, 99)}
    recall = round(float(np.mean(recalls)), 3)
    print(json.dumps({"build_s": round(built, 1), "query_ms": quantiles, "recall_at_10": recall}))


if __name__ == "__main__":
    main()
