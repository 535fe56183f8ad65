"""Speech recognition: a CTC model of NVIDIA NeMo, trained from wav files and their transcripts."""
