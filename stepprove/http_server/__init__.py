"""What stands before every HTTP server of this project: whom it answers for, who may ask, and how much and how slowly.

The middlewares are plain ASGI and stand before FastAPI's own work, so that nothing of a request that is refused is read;
`connections.py` is for uvicorn.
"""
