/* Prints size, and offset+size of each member, of the structures in emuload/kernel/fs/layouts.py. The figures in
 * test_layouts.py come from
 *
 *     for t in x86_64-linux-musl arm-linux-musleabihf aarch64-linux-musl; do
 *         python -m ziglang cc -target $t -static layouts.c -o layouts && qemu-${t%%-*} ./layouts
 *     done
 */
#include <stdio.h>
#include <stddef.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/stat.h>
#include <linux/fcntl.h>
#include <linux/eventpoll.h>
#include <linux/time.h>
#include <linux/time_types.h>
#define O(t,f) printf(" " #f "@%zu+%zu", offsetof(struct t,f), sizeof(((struct t*)0)->f));
int main(void){
#define ST(t) printf(#t " %zu:", sizeof(struct t)); O(t,st_dev) O(t,st_ino) O(t,st_mode) O(t,st_nlink) O(t,st_uid) O(t,st_gid) O(t,st_rdev) O(t,st_size) O(t,st_blksize) O(t,st_blocks) O(t,st_atime) O(t,st_atime_nsec) O(t,st_mtime) O(t,st_mtime_nsec) O(t,st_ctime) O(t,st_ctime_nsec) puts("");
ST(stat)
#ifdef __arm__
ST(stat64) O(stat64,__st_ino) puts("");
#endif
#define SF(t) printf(#t " %zu:", sizeof(struct t)); O(t,f_type) O(t,f_bsize) O(t,f_blocks) O(t,f_bfree) O(t,f_bavail) O(t,f_files) O(t,f_ffree) O(t,f_fsid) O(t,f_namelen) O(t,f_frsize) O(t,f_flags) puts("");
SF(statfs)
#ifdef __arm__
SF(statfs64)
#endif
printf("statx %zu:", sizeof(struct statx)); O(statx,stx_mask) O(statx,stx_blksize) O(statx,stx_attributes) O(statx,stx_nlink) O(statx,stx_uid) O(statx,stx_gid) O(statx,stx_mode) O(statx,stx_ino) O(statx,stx_size) O(statx,stx_blocks) O(statx,stx_attributes_mask) O(statx,stx_atime) O(statx,stx_btime) O(statx,stx_ctime) O(statx,stx_mtime) O(statx,stx_rdev_major) O(statx,stx_rdev_minor) O(statx,stx_dev_major) O(statx,stx_dev_minor) O(statx,stx_mnt_id) puts("");
printf("epoll_event %zu: data@%zu\n", sizeof(struct epoll_event), offsetof(struct epoll_event,data));
printf("flock %zu:", sizeof(struct flock)); O(flock,l_type) O(flock,l_whence) O(flock,l_start) O(flock,l_len) O(flock,l_pid) puts("");
#ifdef __arm__
printf("flock64 %zu:", sizeof(struct flock64)); O(flock64,l_type) O(flock64,l_whence) O(flock64,l_start) O(flock64,l_len) O(flock64,l_pid) puts("");
#endif
printf("O_DIRECTORY=%o O_NOFOLLOW=%o O_DIRECT=%o O_LARGEFILE=%o\n", O_DIRECTORY,O_NOFOLLOW,O_DIRECT,O_LARGEFILE);
}
