"The last of what is imported ahead: a fork that looks for garbage passes over all that was there before it, and has no copy of it to make"
import gc
gc.collect()
gc.freeze()
