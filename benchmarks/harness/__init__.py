"""What measures: processes, rounds, agreement, summaries, reports. Nothing here knows a framework or a workload."""
