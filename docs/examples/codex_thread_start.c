const char *params = "{\"cwd\": \"/srv/project\", \"approvalMode\": \"ask\", \"sandbox\": \"workspace-write\"}";
if (codex_thread_start(client, params, &thread, &error) == CODEX_OK) {
  printf("resume it later as %s\n", codex_thread_id(thread));
}
codex_thread_free(thread);
