"""Guards in front of every HTTP server of this project: allowed hosts, API keys, sizes and deadlines.

The middlewares are plain ASGI and run before FastAPI, so that the server reads no body of a refused request. `connections.py` is
for uvicorn.
"""
