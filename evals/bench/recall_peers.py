"""Runs in an environment of its own, without Recuerda: what mem0 and langchain-chroma find.

    python recall_peers.py mem0|langchain-chroma FOLDER

FOLDER holds memories.jsonl, queries.jsonl and vectors.npz (texts, vectors), so that all use one embedder.
Writes FOLDER/NAME.jsonl as {id, ranked}. See `recall.py`.
"""

# mypy: ignore-errors

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["MEM0_TELEMETRY"] = "False"
os.environ["ANONYMIZED_TELEMETRY"] = "False"
os.environ.setdefault("OPENAI_API_KEY", "unused")  # mem0 makes a client it never calls with infer=False

import numpy as np
from langchain_core.embeddings import Embeddings

DEPTH = 50


class Known(Embeddings):
    def __init__(self, folder):
        data = np.load(folder / "vectors.npz", allow_pickle=False)
        self.known = dict(zip(data["texts"].tolist(), data["vectors"].tolist(), strict=True))

    def embed_documents(self, texts):
        # mem0 collapses line breaks before it embeds
        return [self.known.get(text) or self.known[" ".join(text.split())] for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def lines(path):
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def said(row):
    return f"{row['speaker']}: {row['text']}"


def with_langchain(folder, store, memories, queries):
    from langchain_chroma import Chroma

    chroma = Chroma(
        "memories", Known(folder), persist_directory=store, collection_metadata={"hnsw:space": "cosine"}
    )
    for start in range(0, len(memories), 500):
        batch = memories[start : start + 500]
        chroma.add_texts(
            [said(row) for row in batch],
            metadatas=[{"customer": row["customer"], "id": row["id"]} for row in batch],
            ids=[f"{row['customer']}/{row['id']}" for row in batch],
        )
    for row in queries:
        found = chroma.similarity_search(row["query"], k=DEPTH, filter={"customer": row["customer"]})
        yield row["id"], [document.metadata["id"] for document in found]


def with_mem0(folder, store, memories, queries):
    from mem0 import Memory

    memory = Memory.from_config(
        {
            "embedder": {"provider": "langchain", "config": {"model": Known(folder), "embedding_dims": 512}},
            "vector_store": {"provider": "chroma", "config": {"collection_name": "memories", "path": store}},
            "history_db_path": f"{store}/history.db",
        }
    )
    for row in memories:
        memory.add(said(row), user_id=row["customer"], metadata={"memory": row["id"]}, infer=False)
    for row in queries:
        try:
            found = memory.search(
                row["query"], filters={"user_id": row["customer"]}, top_k=DEPTH, threshold=0.0
            )
        except TypeError:  # before 2.0
            found = memory.search(row["query"], user_id=row["customer"], limit=DEPTH)
        yield row["id"], [hit["metadata"]["memory"] for hit in found["results"]]


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    run = {"mem0": with_mem0, "langchain-chroma": with_langchain}[name]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store,
        (folder / f"{name}.jsonl").open("w") as out,
    ):
        for id_, ranked in run(
            folder, store, lines(folder / "memories.jsonl"), lines(folder / "queries.jsonl")
        ):
            out.write(json.dumps({"id": id_, "ranked": ranked}) + "\n")


if __name__ == "__main__":
    main()
